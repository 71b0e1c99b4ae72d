#!/usr/bin/env python3
"""Exports torchvision's AlexNet, trained on ImageNet, as alexnet.onnx and model.json.

The weights are downloaded by torchvision unless --weights names a file that was downloaded
before. Needs the Python packages torch, torchvision and onnx.
"""

import argparse
import hashlib
import inspect
import json
import sys
from pathlib import Path

INSTALL_HINT = (
    "install them with: apt-get install python3-torch python3-torchvision python3-onnx"
    " (or: pip install torch torchvision onnx)"
)

RESIZE_PIXELS = 256
CROP_PIXELS = 224
MEAN = [0.485, 0.456, 0.406]
STD = [0.229, 0.224, 0.225]
OPSET = 17
# ImageNet's validation set, on which torchvision measured the accuracy it states.
VALIDATION_IMAGES = 50_000


def fail(message):
    """Ends the program with a one-line message."""
    sys.exit(f"export-alexnet: {message}")


def import_libraries():
    """torch, torchvision.models and onnx; ends the program with a hint when one is missing."""
    try:
        import onnx
        import torch
        from torchvision import models
    except ImportError as error:
        fail(f"{error}; {INSTALL_HINT}")
    return torch, models, onnx


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="directory for the two files"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="a downloaded .pth file, for machines without network",
    )
    source.add_argument(
        "--random-weights",
        type=int,
        metavar="SEED",
        help="untrained weights drawn with this seed, for tests without network",
    )
    return parser.parse_args()


def load_weights(torch, weights, file):
    """The trained parameters, from the file or else from the network.

    Only torchvision's own file will do, because the manifest states its origin and accuracy.
    """
    if file is None:
        try:
            return torch.hub.load_state_dict_from_url(weights.url, check_hash=True)
        except (OSError, RuntimeError) as error:
            fail(
                f"cannot download {weights.url} ({error}); "
                "download it on another machine and pass it with --weights FILE"
            )
    try:
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        fail(f"cannot read the weights: {error}; download them from {weights.url}")
    # torchvision names its files after the first digits of their sha256.
    expected = Path(weights.url).stem.rsplit("-", 1)[1]
    if not sha256.startswith(expected):
        fail(f"the sha256 of {file} does not start with {expected}; download it from {weights.url}")
    # Where torch can refuse anything but tensors in the file, it must: a pickle can run code.
    can_refuse = "weights_only" in inspect.signature(torch.load).parameters
    return torch.load(file, map_location="cpu", **({"weights_only": True} if can_refuse else {}))


def build_network(torch, models, options):
    """AlexNet with the weights that the options ask for."""
    weights = models.AlexNet_Weights.IMAGENET1K_V1
    if options.random_weights is None:
        network = models.alexnet()
        network.load_state_dict(load_weights(torch, weights, options.weights))
    else:
        torch.manual_seed(options.random_weights)
        network = models.alexnet()
    # At 224 pixels the feature map already has the size that adaptive pooling would make.
    network.avgpool = torch.nn.Identity()
    return network.eval()


def export(torch, onnx, network, file):
    """Writes the network as one self-contained ONNX file with a dynamic batch size."""
    # Newer versions of torch have a second exporter, which is their default and needs more
    # packages; older versions know only this one and not the switch.
    has_switch = "dynamo" in inspect.signature(torch.onnx.export).parameters
    torch.onnx.export(
        network,
        torch.zeros(1, 3, CROP_PIXELS, CROP_PIXELS),
        str(file),
        input_names=["input"],
        output_names=["logits"],
        dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}},
        opset_version=OPSET,
        **({"dynamo": False} if has_switch else {}),
    )
    onnx.checker.check_model(str(file), full_check=True)


def imagenet_accuracy(weights):
    """The accuracy that torchvision states, as a share of one; its metadata moved once."""
    metrics = weights.meta.get("_metrics", {}).get("ImageNet-1K", weights.meta)
    return round(metrics["acc@1"] / 100, 5)


def manifest(weights, options, sha256):
    """What model.json says about the model."""
    trained = options.random_weights is None
    provenance = {
        "architecture": "AlexNet as in torchvision (torchvision.models.alexnet)",
        "sha256": sha256,
    }
    if trained:
        provenance |= {
            "data": "ImageNet-1K (ILSVRC 2012)",
            "training": "torchvision's weights AlexNet_Weights.IMAGENET1K_V1",
            "weights": weights.url,
            "license": "BSD-3-Clause (torchvision); the terms of ImageNet apply to its pictures",
        }
    else:
        provenance |= {
            "data": "none",
            "training": f"none: random weights with seed {options.random_weights}, for tests only",
        }
    description = {
        "name": "alexnet" if trained else "alexnet-random",
        "version": "1",
        "input": {"name": "input", "shape": ["N", 3, CROP_PIXELS, CROP_PIXELS]},
        "output": {"name": "logits", "type": "logits"},
        "labels": weights.meta["categories"],
        "preprocessing": {
            "resize": RESIZE_PIXELS,
            "crop": CROP_PIXELS,
            "channels": "RGB",
            "mean": MEAN,
            "std": STD,
        },
        "provenance": provenance,
    }
    if trained:
        description["accuracy"] = {
            "top1": imagenet_accuracy(weights),
            "images": VALIDATION_IMAGES,
            "data": "ImageNet-1K validation set, as stated by torchvision",
        }
    return description


def main():
    options = parse_arguments()
    torch, models, onnx = import_libraries()
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "alexnet.onnx"
    export(torch, onnx, build_network(torch, models, options), file)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    description = manifest(models.AlexNet_Weights.IMAGENET1K_V1, options, sha256)
    text = json.dumps(description, indent=2, ensure_ascii=False)
    (options.out / "model.json").write_text(text + "\n", encoding="utf-8")
    print(f"alexnet.onnx ({file.stat().st_size:,} bytes) and model.json are in {options.out}")


if __name__ == "__main__":
    main()
