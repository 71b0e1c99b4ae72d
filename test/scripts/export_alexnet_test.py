"""Tests scripts/export-alexnet.py without network. Run: python3 export_alexnet_test.py"""

import hashlib
import importlib
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "export-alexnet.py"
CLASSES = 1000


def missing_package():
    """The name of the first package that the script needs and this machine lacks, or None."""
    for name in ("torch", "torchvision", "onnx"):
        try:
            importlib.import_module(name)
        except ImportError:
            return name
    return None


MISSING = missing_package()
if MISSING is not None:
    print(f"export_alexnet_test: the export is not tested, because {MISSING} is not installed")


def run(*arguments, isolated=False):
    """Runs the script; isolated hides all installed packages from it."""
    flags = ["-I", "-S"] if isolated else []
    return subprocess.run(
        [sys.executable, *flags, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def dimensions(value):
    """The dimensions of a graph's input or output; a dynamic one by its name."""
    return [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]


class MessagesTest(unittest.TestCase):
    def test_help_names_all_options(self):
        result = run("--help")
        self.assertEqual(result.returncode, 0)
        for option in ("--out", "--weights", "--random-weights"):
            self.assertIn(option, result.stdout)

    def test_missing_packages_give_one_line_with_a_hint(self):
        with tempfile.TemporaryDirectory() as directory:
            result = run("--out", directory, isolated=True)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertIn("apt-get install", result.stderr)

    @unittest.skipIf(MISSING, f"{MISSING} is not installed")
    def test_foreign_weights_are_refused_in_one_line_with_the_address(self):
        with tempfile.TemporaryDirectory() as directory:
            foreign = Path(directory) / "foreign.pth"
            foreign.write_bytes(b"not torchvision's weights")
            result = run("--out", directory, "--weights", str(foreign))
            written = [entry.name for entry in Path(directory).iterdir()]
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertIn("https://", result.stderr)
        self.assertEqual(written, ["foreign.pth"])

    @unittest.skipIf(MISSING, f"{MISSING} is not installed")
    def test_absent_weights_give_one_line_with_the_address(self):
        with tempfile.TemporaryDirectory() as directory:
            absent = str(Path(directory) / "absent.pth")
            result = run("--out", directory, "--weights", absent)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertIn("https://", result.stderr)


@unittest.skipIf(MISSING, f"{MISSING} is not installed")
class ExportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        result = run("--out", cls.directory.name, "--random-weights", "0")
        if result.returncode != 0:
            raise AssertionError(result.stderr)
        cls.model_file = Path(cls.directory.name) / "alexnet.onnx"
        manifest_file = Path(cls.directory.name) / "model.json"
        cls.manifest = json.loads(manifest_file.read_text(encoding="utf-8"))

    def test_graph_is_valid_and_has_a_dynamic_batch(self):
        import onnx

        model = onnx.load(str(self.model_file))
        onnx.checker.check_model(model, full_check=True)
        (graph_input,) = model.graph.input
        (graph_output,) = model.graph.output
        self.assertEqual(graph_input.name, "input")
        self.assertEqual(dimensions(graph_input), ["N", 3, 224, 224])
        self.assertEqual(graph_output.name, "logits")
        self.assertEqual(dimensions(graph_output), ["N", CLASSES])

    def test_all_weights_are_in_the_one_file(self):
        import onnx

        model = onnx.load(str(self.model_file), load_external_data=False)
        for tensor in model.graph.initializer:
            self.assertEqual(tensor.data_location, onnx.TensorProto.DEFAULT)

    def test_manifest_describes_input_output_and_preprocessing(self):
        self.assertEqual(self.manifest["input"], {"name": "input", "shape": ["N", 3, 224, 224]})
        self.assertEqual(self.manifest["output"], {"name": "logits", "type": "logits"})
        self.assertEqual(
            self.manifest["preprocessing"],
            {
                "resize": 256,
                "crop": 224,
                "channels": "RGB",
                "mean": [0.485, 0.456, 0.406],
                "std": [0.229, 0.224, 0.225],
            },
        )

    def test_manifest_has_a_label_for_each_class(self):
        self.assertEqual(len(self.manifest["labels"]), CLASSES)
        self.assertIn("strawberry", self.manifest["labels"])

    def test_manifest_admits_that_the_weights_are_random(self):
        provenance = self.manifest["provenance"]
        self.assertIn("random weights with seed 0", provenance["training"])
        self.assertNotIn("accuracy", self.manifest)
        digest = hashlib.sha256(self.model_file.read_bytes()).hexdigest()
        self.assertEqual(provenance["sha256"], digest)


if __name__ == "__main__":
    unittest.main()
