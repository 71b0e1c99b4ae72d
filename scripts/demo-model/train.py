#!/usr/bin/env python3
"""Trains the demo model on drawn pictures and writes alexnet.onnx and model.json.

PICTURES is a directory with the sub-directories train, validation and test, each of which holds
one directory per class, as draw.js writes them. See README.md for the commands.
"""

import argparse
import json
import math
import time
from pathlib import Path

import onnx
import torch
from torch.nn.functional import cross_entropy, interpolate

from network import CONVOLUTION_WIDTHS, FULLY_CONNECTED_WIDTH, TrainableAlexNet
from pictures import (
    CROP_PIXELS,
    MEAN,
    RESIZE_PIXELS,
    STD,
    augment,
    decode,
    decode_exactly,
    list_pictures,
    load,
    normalise,
)

BATCH_PICTURES = 64
# Low resolution first: an epoch at 128 pixels costs a third of one at the full 224.
STAGES = (
    {"pixels": 128, "epochs": 9, "peak_rate": 0.06},
    {"pixels": CROP_PIXELS, "epochs": 5, "peak_rate": 0.02},
)
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
LABEL_SMOOTHING = 0.05
TEST_PICTURES = 1000
OPSET = 13
MAXIMUM_MODEL_BYTES = 12_000_000


def predict(network, pixels, size):
    """The class number for each picture, given pixels of any square size."""
    network.eval()
    answers = []
    with torch.no_grad():
        for batch in pixels.split(BATCH_PICTURES):
            inputs = normalise(batch.float())
            if inputs.shape[-1] != size:
                inputs = interpolate(
                    inputs, size=(size, size), mode="bilinear", align_corners=False, antialias=True
                )
            answers.append(network(inputs).argmax(1))
    return torch.cat(answers)


def accuracy(answers, numbers):
    """The share of right answers."""
    return (answers == numbers).float().mean().item()


def train_stage(network, stage, train, validation):
    """Trains at one resolution; the learning rate rises and falls once."""
    pixels, numbers = train
    steps = math.ceil(len(pixels) / BATCH_PICTURES)
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=stage["peak_rate"],
        momentum=MOMENTUM,
        weight_decay=WEIGHT_DECAY,
        nesterov=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        max_lr=stage["peak_rate"],
        total_steps=steps * stage["epochs"],
        pct_start=0.2,
        cycle_momentum=False,
    )
    for epoch in range(stage["epochs"]):
        started = time.monotonic()
        network.train()
        total = 0.0
        for chosen in torch.randperm(len(pixels)).split(BATCH_PICTURES):
            inputs = augment(pixels[chosen], stage["pixels"])
            inputs = inputs.contiguous(memory_format=torch.channels_last)
            loss = cross_entropy(network(inputs), numbers[chosen], label_smoothing=LABEL_SMOOTHING)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(chosen)
        right = accuracy(predict(network, validation[0], stage["pixels"]), validation[1])
        print(
            f"{stage['pixels']} px, epoch {epoch + 1} of {stage['epochs']}: "
            f"loss {total / len(pixels):.3f}, validation {right:.2%}, "
            f"{time.monotonic() - started:.0f} s",
            flush=True,
        )


def export(network, file):
    """Writes the network as ONNX with a dynamic batch size, and checks the file."""
    torch.onnx.export(
        network,
        torch.zeros(1, 3, CROP_PIXELS, CROP_PIXELS),
        str(file),
        input_names=["input"],
        output_names=["logits"],
        dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}},
        opset_version=OPSET,
    )
    onnx.checker.check_model(str(file), full_check=True)
    size = file.stat().st_size
    if size > MAXIMUM_MODEL_BYTES:
        raise SystemExit(f"the model has {size} bytes; at most {MAXIMUM_MODEL_BYTES} are allowed")
    return size


def seed_range(pictures):
    """The seeds of the pictures as "first to last"."""
    seeds = [int(file.stem) for file, _ in pictures]
    return f"{min(seeds)} to {max(seeds)}"


def describe_training():
    """One sentence on how the weights came about."""
    stages = ", then ".join(f"{stage['epochs']} epochs at {stage['pixels']} px" for stage in STAGES)
    return (
        f"{stages}; SGD with Nesterov momentum, label smoothing {LABEL_SMOOTHING}, batches of "
        f"{BATCH_PICTURES}; batch normalisation folded into the weights; PyTorch "
        f"{torch.__version__}"
    )


def manifest(labels, train, validation, test, right, random_seed):
    """What model.json says about the model."""
    widths = "-".join(str(width) for width in CONVOLUTION_WIDTHS)
    held_out = seed_range(test)
    return {
        "name": "alexnet-demo",
        "version": "1",
        "input": {"name": "input", "shape": ["N", 3, CROP_PIXELS, CROP_PIXELS]},
        "output": {"name": "logits", "type": "logits"},
        "labels": labels,
        "preprocessing": {
            "resize": RESIZE_PIXELS,
            "crop": CROP_PIXELS,
            "channels": "RGB",
            "mean": list(MEAN),
            "std": list(STD),
        },
        "provenance": {
            "architecture": f"AlexNet as in torchvision: convolutions {widths}, fully connected "
            f"layers of width {FULLY_CONNECTED_WIDTH}",
            "data": f"{len(train):,} pictures drawn by scripts/demo-model; no photographs",
            "training": describe_training(),
            "license": "MIT",
            "seeds": f"drawing: training {seed_range(train)}, validation "
            f"{seed_range(validation)}, test {held_out}; weights and augmentation: {random_seed}",
        },
        "accuracy": {
            "top1": round(right, 4),
            "images": len(test),
            "data": f"{len(test):,} held-out pictures drawn with seeds {held_out}",
        },
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True, help="directory of the pictures")
    parser.add_argument("--out", type=Path, required=True, help="directory for the two files")
    parser.add_argument("--seed", type=int, default=1, help="for weights and augmentation")
    parser.add_argument("--threads", type=int, default=2, help="processor cores to use")
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    labels = sorted(entry.name for entry in (options.pictures / "train").iterdir())
    train, validation, test = (
        list_pictures(options.pictures / part, labels) for part in ("train", "validation", "test")
    )
    test = test[:TEST_PICTURES]
    train_data = load(train, decode, options.threads)
    validation_data = load(validation, decode_exactly, options.threads)
    print(f"{len(train)} pictures for training, {len(validation)} for validation", flush=True)

    started = time.monotonic()
    model = TrainableAlexNet(len(labels))
    network = model.trainable().to(memory_format=torch.channels_last)
    for stage in STAGES:
        train_stage(network, stage, train_data, validation_data)
    print(f"trained in {(time.monotonic() - started) / 60:.1f} minutes")

    folded = model.folded().to(memory_format=torch.contiguous_format)
    test_pixels, test_numbers = load(test, decode_exactly, options.threads)
    answers = predict(folded, test_pixels, CROP_PIXELS)
    for number, label in enumerate(labels):
        of_class = test_numbers == number
        wrong = answers[of_class & (answers != number)].tolist()
        mistakes = ", ".join(labels[answer] for answer in wrong)
        right = accuracy(answers[of_class], test_numbers[of_class])
        print(f"{label:12} {right:7.2%} of {int(of_class.sum())}  {mistakes}")
    right = accuracy(answers, test_numbers)
    print(f"test: {right:.2%} of {len(test)}")

    options.out.mkdir(parents=True, exist_ok=True)
    size = export(folded, options.out / "alexnet.onnx")
    description = manifest(labels, train, validation, test, right, options.seed)
    text = json.dumps(description, indent=2, ensure_ascii=False)
    (options.out / "model.json").write_text(text + "\n", encoding="utf-8")
    print(f"alexnet.onnx ({size:,} bytes) and model.json are in {options.out}")


if __name__ == "__main__":
    main()
