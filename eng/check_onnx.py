"""Checks ONNX files in folders, with types and shapes inferred. A file of a later opset than the checker knows is counted, not checked."""

import pathlib
import sys

import onnx


def newest_opset(model):
    """The version of the default domain that a model imports."""
    return max(opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx"))


def main(folders):
    known = onnx.defs.onnx_opset_version()
    checked, later, bad = 0, 0, 0
    for path in sorted(path for folder in folders for path in pathlib.Path(folder).rglob("*.onnx")):
        try:
            if newest_opset(onnx.load(path)) > known:
                later += 1
                continue
            onnx.checker.check_model(str(path), full_check=True)
            checked += 1
        except Exception as e:  # a file that is no protobuf fails in its own way
            bad += 1
            print(f"{path}: {e}", file=sys.stderr)
    print(f"ONNX {onnx.__version__}: {checked} files are sound, {bad} are not, {later} of an opset above {known} were not checked.")
    return 0 if checked > 0 and bad == 0 else 1


sys.exit(main(sys.argv[1:]))
