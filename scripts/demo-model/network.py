"""The network of the demo model: AlexNet with narrow fully connected layers."""

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

CONVOLUTION_WIDTHS = (64, 192, 384, 256, 256)
FULLY_CONNECTED_WIDTH = 48
FEATURE_MAP_PIXELS = 6
DROPOUT = 0.3


class TrainableAlexNet(nn.Module):
    """torchvision's AlexNet with narrow fully connected layers and batch normalisation.

    The normalisation is only there to train fast; `folded` gives the plain network.
    """

    def __init__(self, classes):
        super().__init__()
        first, second, third, fourth, fifth = CONVOLUTION_WIDTHS
        flat = fifth * FEATURE_MAP_PIXELS**2
        width = FULLY_CONNECTED_WIDTH
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(3, first, kernel_size=11, stride=4, padding=2),
                nn.Conv2d(first, second, kernel_size=5, padding=2),
                nn.Conv2d(second, third, kernel_size=3, padding=1),
                nn.Conv2d(third, fourth, kernel_size=3, padding=1),
                nn.Conv2d(fourth, fifth, kernel_size=3, padding=1),
            ]
        )
        self.convolution_norms = nn.ModuleList(nn.BatchNorm2d(w) for w in CONVOLUTION_WIDTHS)
        self.linears = nn.ModuleList([nn.Linear(flat, width), nn.Linear(width, width)])
        self.linear_norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in self.linears)
        self.head = nn.Linear(width, classes)

    def layers(self, convolutions, between, linears):
        """The whole network in order, from these convolutions and fully connected layers."""
        first, second, third, fourth, fifth = convolutions
        return nn.Sequential(
            *[*first, nn.ReLU(), nn.MaxPool2d(kernel_size=3, stride=2)],
            *[*second, nn.ReLU(), nn.MaxPool2d(kernel_size=3, stride=2)],
            *[*third, nn.ReLU()],
            *[*fourth, nn.ReLU()],
            *[*fifth, nn.ReLU(), nn.MaxPool2d(kernel_size=3, stride=2)],
            *between,
            *[layer for linear in linears for layer in (*linear, nn.ReLU())],
            self.head,
        )

    def trainable(self):
        """The network to train, for pictures of any size."""
        return self.layers(
            list(zip(self.convolutions, self.convolution_norms)),
            [nn.AdaptiveAvgPool2d(FEATURE_MAP_PIXELS), nn.Flatten(), nn.Dropout(DROPOUT)],
            list(zip(self.linears, self.linear_norms)),
        )

    def folded(self):
        """The network to use: the normalisation is in the weights, and the input is 224 pixels.

        At that size the feature map already has the size that adaptive pooling would make.
        """
        self.eval()
        convolutions = map(fuse_conv_bn_eval, self.convolutions, self.convolution_norms)
        linears = map(fuse_linear_bn_eval, self.linears, self.linear_norms)
        return self.layers(
            [[layer] for layer in convolutions], [nn.Flatten()], [[layer] for layer in linears]
        ).eval()
