"""A deep equilibrium network in eager PyTorch with implicit gradients: what the benchmark's train command is compared with.

The solution is found without autograd; one step of the cell is attached to it, and the vector-Jacobian product of that step is
iterated for the adjoint system. W is held under a spectral norm by power iteration. Prints one line of JSON.
"""
import argparse
import json
import time

import torch


def read(path, shapes):
    """Tensors of these shapes, one after another in a file of float32."""
    with open(path, "rb") as file:
        values = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    return [part.reshape(shape).clone() for part, shape in zip(torch.split(values, [torch.Size(s).numel() for s in shapes]), shapes)]


class Deq:
    def __init__(self, options):
        d, n, rows = options.size, options.features, options.rows
        w, u, b, v, c, self.x, self.y = read(options.data, [(d, d), (d, n), (d,), (1, d), (1,), (rows, n), (rows, 1)])
        self.parameters = [p.requires_grad_() for p in (w, u, b, v, c)]
        self.options = options
        self.optimizer = torch.optim.Adam(self.parameters, lr=options.learning_rate)
        self.left = torch.nn.functional.normalize(torch.randn(d), dim=0)

    def solve(self, z, step):
        return self.anderson(z, step) if self.options.solver == "anderson" else self.picard(z, step)

    def picard(self, z, step):
        for _ in range(self.options.max_iterations):
            following = step(z)
            solved = (following - z).norm().item() <= self.options.tolerance * following.norm().item()
            z = following
            if solved:
                break
        return z

    def anderson(self, z, step, memory=5, ridge=1e-8):
        """Anderson acceleration (Walker and Ni 2011, their type II), with coefficients for every row; the ridge is relative to the Gram matrix."""
        f = step(z)
        states, residuals, following = [], [], f
        old_f, old_g = f, f - z
        for _ in range(self.options.max_iterations - 1):
            z = following
            f = step(z)
            g = f - z
            if g.norm().item() <= self.options.tolerance * f.norm().item():
                break
            states, residuals = (states + [f - old_f])[-memory:], (residuals + [g - old_g])[-memory:]
            old_f, old_g = f, g
            differences = torch.stack(residuals, dim=2)
            gram = differences.transpose(1, 2) @ differences
            scale = ridge * gram.diagonal(dim1=1, dim2=2).sum(dim=1) + 1e-30
            gram = gram + scale[:, None, None] * torch.eye(gram.shape[1])
            gamma = torch.linalg.solve(gram, differences.transpose(1, 2) @ g[:, :, None])
            following = f - (torch.stack(states, dim=2) @ gamma)[:, :, 0]
        return f

    def cell(self, x):
        w, u, b, _, _ = self.parameters
        injection = torch.addmm(b, x, u.t())
        return lambda z: torch.addmm(injection, z, w.t()).relu_()

    def step(self, x, y):
        w, u, b, v, c = self.parameters
        with torch.no_grad():
            z = self.solve(torch.zeros(x.shape[0], b.shape[0]), self.cell(x))
        z.requires_grad_()
        f = self.cell(x)(z)
        output = f.detach().requires_grad_()
        loss = (torch.addmm(c, output, v.t()) - y).pow(2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        gradient = output.grad
        adjoint = self.solve(gradient, lambda a: torch.autograd.grad(f, z, a, retain_graph=True)[0] + gradient)
        f.backward(adjoint, inputs=[w, u, b])
        self.optimizer.step()
        self.project(w)
        return loss.item()

    @torch.no_grad()
    def project(self, w):
        """Scales W down where its spectral norm, by power iteration that goes on from step to step, is above the limit."""
        for _ in range(2):
            right = torch.nn.functional.normalize(w.t() @ self.left, dim=0)
            product = w @ right
            self.left = torch.nn.functional.normalize(product, dim=0)
        norm = product.norm().item()
        if norm > self.options.limit:
            w.mul_(self.options.limit / norm)

    def epoch(self):
        """The mean over batches of the loss before each step."""
        batch = self.options.batch
        losses = [self.step(self.x[i:i + batch], self.y[i:i + batch]) for i in range(0, self.options.rows, batch)]
        return sum(losses) / len(losses)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    for name in ("size", "features", "rows", "batch", "max-iterations", "threads"):
        parser.add_argument("--" + name, type=int, required=True)
    parser.add_argument("--solver", choices=("picard", "anderson"), required=True)
    for name in ("tolerance", "learning-rate", "limit"):
        parser.add_argument("--" + name, type=float, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    model = Deq(options)
    model.epoch()
    start = time.perf_counter()
    loss = model.epoch()
    seconds = time.perf_counter() - start
    print(json.dumps({"samples_per_second": options.rows / seconds, "loss": loss, "version": torch.__version__}))


if __name__ == "__main__":
    main()
