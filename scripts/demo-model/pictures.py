"""Reads drawn pictures as the model sees them, and varies them for training."""

from multiprocessing import Pool

import numpy
import torch
from PIL import Image
from torch.nn.functional import interpolate
from torchvision.transforms.functional import center_crop, resize

RESIZE_PIXELS = 256
CROP_PIXELS = 224
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

SMALLEST_CROP_PIXELS = 184
BRIGHTNESS_RANGE = (0.75, 1.25)
CONTRAST_RANGE = (0.75, 1.25)
CHANNEL_GAIN_RANGE = (0.9, 1.1)


def list_pictures(root, labels):
    """All (file, class number) below root, one seed after the other with every class in each."""
    found = []
    for number, label in enumerate(labels):
        for file in (root / label).glob("*.jpg"):
            found.append((int(file.stem), number, file))
    return [(file, number) for _, number, file in sorted(found)]


def decode(file):
    """The picture with its short side resized, cut to a square: uint8, channels first."""
    with Image.open(file) as picture:
        square = center_crop(resize(picture.convert("RGB"), RESIZE_PIXELS), RESIZE_PIXELS)
    return numpy.asarray(square).transpose(2, 0, 1)


def decode_exactly(file):
    """What the model sees when it is used: torchvision's AlexNet transform up to the crop."""
    with Image.open(file) as picture:
        crop = center_crop(resize(picture.convert("RGB"), RESIZE_PIXELS), CROP_PIXELS)
    return numpy.asarray(crop).transpose(2, 0, 1)


def load(pictures, how, processes):
    """The pixels and the class numbers of the pictures, as two tensors."""
    with Pool(processes) as pool:
        pixels = pool.map(how, [file for file, _ in pictures], chunksize=64)
    return torch.from_numpy(numpy.stack(pixels)), torch.tensor([number for _, number in pictures])


def normalise(pixels):
    """Scales pixels from 0..255 as torchvision's AlexNet transform does."""
    mean = torch.tensor(MEAN).view(1, 3, 1, 1)
    std = torch.tensor(STD).view(1, 3, 1, 1)
    return (pixels / 255 - mean) / std


def uniform(count, shape, bounds):
    """Random numbers within bounds, as a tensor of this shape for each of count pictures."""
    low, high = bounds
    return torch.empty(count, *shape).uniform_(low, high)


def augment(pixels, size):
    """Crops, mirrors and recolours a batch at random, and scales it to size pixels."""
    side = int(torch.randint(SMALLEST_CROP_PIXELS, RESIZE_PIXELS + 1, ()))
    corners = torch.randint(0, RESIZE_PIXELS - side + 1, (len(pixels), 2)).tolist()
    crops = torch.stack(
        [picture[:, y : y + side, x : x + side] for picture, (y, x) in zip(pixels, corners)]
    )
    batch = interpolate(
        crops.float(), size=(size, size), mode="bilinear", align_corners=False, antialias=True
    )
    mirrored = torch.rand(len(batch)) < 0.5
    batch[mirrored] = batch[mirrored].flip(3)
    gain = uniform(len(batch), (1, 1, 1), BRIGHTNESS_RANGE)
    gain = gain * uniform(len(batch), (3, 1, 1), CHANNEL_GAIN_RANGE)
    contrast = uniform(len(batch), (1, 1, 1), CONTRAST_RANGE)
    average = batch.mean(dim=(1, 2, 3), keepdim=True)
    return normalise((((batch - average) * contrast + average) * gain).clamp(0, 255))
