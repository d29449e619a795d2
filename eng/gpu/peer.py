"""A deep equilibrium network in PyTorch with implicit gradients: what the benchmark's train and gpu commands are compared with.

Eager: no torch.compile, no CUDA graphs. Adam is the fused one on CUDA where this PyTorch has it.

The solution is found without autograd; one step of the cell is attached to it, and the vector-Jacobian product of that step is
iterated for the adjoint system. W is held under a spectral norm by power iteration. A step waits for the device in its stopping tests alone.
A solve ends when the norm over the whole batch meets the tolerance; the library that it is compared with asks that of every row, which is more.

Obeys lines on its standard input: `epoch OPTIONS` trains the model of these options for one epoch, a new one for another before,
and answers with one line of JSON, the residual at which the last solves ended in it; `forget` gives the memory of all models back; `quit` ends it. Works with PyTorch 1.13 and 2.
"""
import argparse
import inspect
import json
import shlex
import sys
import time

import torch


def read(path, shapes, device):
    """Tensors of these shapes, one after another in a file of float32."""
    with open(path, "rb") as file:
        values = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    return [part.reshape(shape).clone().to(device) for part, shape in zip(torch.split(values, [torch.Size(s).numel() for s in shapes]), shapes)]


class Deq:
    def __init__(self, options):
        d, n, rows = options.size, options.features, options.rows
        w, u, b, v, c, self.x, self.y = read(options.data, [(d, d), (d, n), (d,), (1, d), (1,), (rows, n), (rows, 1)], options.device)
        self.parameters = [p.requires_grad_() for p in (w, u, b, v, c)]
        self.start = [p.detach().clone() for p in self.parameters]
        self.options = options
        fused = {"fused": True} if self.x.is_cuda and "fused" in inspect.signature(torch.optim.Adam).parameters else {}
        self.optimizer = torch.optim.Adam(self.parameters, lr=options.learning_rate, **fused)
        self.left = torch.nn.functional.normalize(torch.randn(d, device=options.device), dim=0)
        self.epochs = 0
        self.iterations = {"forward": 0, "adjoint": 0}
        self.tested = None, None
        self.ends = {}

    def solve(self, z, step, what):
        z, iterations = self.anderson(z, step) if self.options.solver == "anderson" else self.picard(z, step)
        self.iterations[what] += iterations
        self.ends[what] = self.tested
        return z

    def tests(self, iteration):
        return iteration % self.options.test_every == 0

    def solved(self, z, f):
        """Whether the batch as a whole is solved. Asking waits for the device."""
        self.tested = z, f
        return bool((f - z).norm() <= self.options.tolerance * f.norm())

    def picard(self, z, step):
        iteration = 0
        for iteration in range(1, self.options.max_iterations + 1):
            following = step(z)
            done = self.tests(iteration) and self.solved(z, following)
            z = following
            if done:
                break
        return z, iteration

    def anderson(self, z, step, memory=5, ridge=1e-8):
        """Anderson acceleration (Walker and Ni 2011, their type II), with coefficients for every row; the ridge is relative to the Gram matrix."""
        f = step(z)
        states, residuals, following = [], [], f
        old_f, old_g = f, f - z
        iteration = 1
        for iteration in range(2, self.options.max_iterations + 1):
            z = following
            f = step(z)
            if self.tests(iteration) and self.solved(z, f):
                break
            g = f - z
            states, residuals = (states + [f - old_f])[-memory:], (residuals + [g - old_g])[-memory:]
            old_f, old_g = f, g
            differences = torch.stack(residuals, dim=2)
            gram = differences.transpose(1, 2) @ differences
            scale = ridge * gram.diagonal(dim1=1, dim2=2).sum(dim=1) + 1e-30
            gram = gram + scale[:, None, None] * torch.eye(gram.shape[1], device=gram.device)
            gamma = torch.linalg.solve(gram, differences.transpose(1, 2) @ g[:, :, None])
            following = f - (torch.stack(states, dim=2) @ gamma)[:, :, 0]
        return f, iteration

    def cell(self, x):
        w, u, b, _, _ = self.parameters
        injection = torch.addmm(b, x, u.t())
        return lambda z: torch.addmm(injection, z, w.t()).relu_()

    def step(self, x, y):
        w, u, b, v, c = self.parameters
        with torch.no_grad():
            z = self.solve(torch.zeros(x.shape[0], b.shape[0], device=x.device), self.cell(x), "forward")
        z.requires_grad_()
        f = self.cell(x)(z)
        output = f.detach().requires_grad_()
        loss = (torch.addmm(c, output, v.t()) - y).pow(2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        gradient = output.grad
        adjoint = self.solve(gradient, lambda a: torch.autograd.grad(f, z, a, retain_graph=True)[0] + gradient, "adjoint")
        f.backward(adjoint, inputs=[w, u, b])
        self.optimizer.step()
        self.project(w)
        return loss.detach()

    @torch.no_grad()
    def project(self, w):
        """Scales W down where its spectral norm, by power iteration that goes on from step to step, is above the limit."""
        for _ in range(2):
            right = torch.nn.functional.normalize(w.t() @ self.left, dim=0)
            product = w @ right
            self.left = torch.nn.functional.normalize(product, dim=0)
        w.mul_((self.options.limit / product.norm()).clamp(max=1))

    @torch.no_grad()
    def restart(self):
        """Goes back to the first weights every so many epochs."""
        if self.epochs % self.options.epochs_from_start == 0:
            for parameter, start in zip(self.parameters, self.start):
                parameter.copy_(start)

    @torch.no_grad()
    def residual(self):
        """The larger relative residual of the last forward solve and the last adjoint one, at their last tests."""
        return max(((f - z).norm() / f.norm()).item() for z, f in self.ends.values())

    def epoch(self):
        """Seconds; the mean over batches of the loss before each step, and of the iterations; the residual that the last solves ended at."""
        self.restart()
        self.iterations = dict.fromkeys(self.iterations, 0)
        self.synchronize()
        start = time.perf_counter()
        batch = self.options.batch
        losses = [self.step(self.x[i:i + batch], self.y[i:i + batch]) for i in range(0, self.options.rows, batch)]
        self.synchronize()
        seconds = time.perf_counter() - start
        self.epochs += 1
        return {"seconds": seconds, "samples": self.options.rows, "loss": torch.stack(losses).mean().item(), "residual": self.residual(),
                **{f"{what}_iterations": count / len(losses) for what, count in self.iterations.items()}}

    def synchronize(self):
        if self.x.is_cuda:
            torch.cuda.synchronize(self.x.device)


def options_of(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    for name in ("size", "features", "rows", "batch", "max-iterations", "threads", "test-every", "epochs-from-start"):
        parser.add_argument("--" + name, type=int, required=True)
    for name in ("tolerance", "learning-rate", "limit"):
        parser.add_argument("--" + name, type=float, required=True)
    parser.add_argument("--solver", choices=("picard", "anderson"), required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("float32", "tf32"), default="float32", help="of matrix products on a CUDA device")
    return parser.parse_args(arguments)


def main():
    models = {}
    for line in sys.stdin:
        command, *arguments = shlex.split(line)
        if command == "quit":
            break
        if command == "forget":
            models.clear()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            continue
        options = options_of(arguments)
        try:
            torch.set_num_threads(options.threads)
            torch.backends.cuda.matmul.allow_tf32 = options.precision == "tf32"
            if line not in models:
                torch.manual_seed(1)
                models[line] = Deq(options)
                models[line].epoch()
            answer = models[line].epoch()
        except (RuntimeError, AssertionError) as error:
            models.clear()
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
