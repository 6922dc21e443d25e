"""The networks of support/networks.hpp in PyTorch, as its users write them: torchvision's where it has them, with ReLU
in place. Layers have the names of ours."""

import torch
import torchvision
from torch import nn

# batch, shape of an image, shape of an answer; those with maps are trained with a cross-entropy over pixels
SIZES = {
    "part1": (16, (1, 60, 80), (2,)),
    "part2": (64, (1, 120, 160), (116,)),
    "fcn": (8, (1, 120, 160), (58, 120, 160)),
    "unet": (8, (1, 120, 160), (58, 120, 160)),
    "resnet18": (16, (1, 224, 224), (136,)),
    "resnet50": (8, (3, 224, 224), (1000,)),
    "mobilenet_v2": (16, (3, 224, 224), (1000,)),
    "efficientnet_b0": (16, (3, 224, 224), (1000,)),
    "densenet121": (4, (3, 224, 224), (1000,)),
    "vgg": (128, (3, 32, 32), (10,)),
    "dcgan": (64, (100, 1, 1), (3, 64, 64)),
    "mlp": (128, (1, 28, 28), (10,)),
}
MAPS = ("fcn", "unet")


def relu():
    return nn.ReLU(inplace=True)


def keypoint_cnn(blocks, outputs):
    """Parts 1 and 2: convolution, ReLU and adaptive max pooling of each block."""
    layers, channels = [], 1
    for width, kernel, pooled in blocks:
        layers += [nn.Conv2d(channels, width, kernel), relu(), nn.AdaptiveMaxPool2d(pooled)]
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * pooled * pooled, 128), relu(), nn.Linear(128, outputs))


def heatmap_fcn():
    def pool(size):
        return nn.AdaptiveMaxPool2d(size)

    return nn.Sequential(
        nn.Conv2d(1, 12, 3), relu(), nn.BatchNorm2d(12),
        nn.Conv2d(12, 32, 5), relu(), pool(32), nn.Dropout(0.2),
        nn.Conv2d(32, 64, 5), relu(), pool(64), nn.Dropout(0.2),
        nn.Conv2d(64, 64, 5), relu(), pool(64), nn.Dropout(0.2),
        nn.Conv2d(64, 64, 5), relu(), nn.BatchNorm2d(64),
        nn.Conv2d(64, 128, 3), relu(), pool(128),
        nn.Conv2d(128, 64, 3), relu(), pool((120, 160)), nn.Conv2d(64, 58, 1))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [16, 32, 64, 128, 128]
        self.down = nn.ModuleList(self.block(a, b) for a, b in zip([1, *widths], widths))
        self.up = nn.ModuleList(self.block(a + b, a) for a, b in zip(widths, widths[1:]))
        self.maps = nn.Conv2d(16, 58, 1)

    @staticmethod
    def block(channels, width):
        return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), relu(),
                             nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), relu())

    def forward(self, images):
        levels = [self.down[0](images)]
        for block in self.down[1:]:
            levels.append(block(nn.functional.max_pool2d(levels[-1], 2)))
        x = levels.pop()
        for block, level in zip(reversed(self.up), reversed(levels)):
            larger = nn.functional.interpolate(x, size=level.shape[2:], mode="bilinear", align_corners=False)
            x = block(torch.cat([level, larger], 1))
        return self.maps(x)


def resnet18():
    model = torchvision.models.resnet18()
    model.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    model.fc = nn.Linear(512, 136)
    return model


class SmallVgg(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [64, 64, 128, 128, 256, 256]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in zip([3, *widths], widths))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.fc = nn.Linear(256 * 4 * 4, 10)

    def forward(self, x):
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            x = nn.functional.relu(norm(conv(x)), inplace=True)
            if i % 2 == 1:
                x = nn.functional.max_pool2d(x, 2)
        return self.fc(x.flatten(1))


class DcganGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [100, 512, 256, 128, 64, 3]
        self.convs = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 1 if a == 100 else 2, 0 if a == 100 else 1, bias=False)
                                   for a, b in zip(widths, widths[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:-1])

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms):
            x = nn.functional.relu(norm(conv(x)), inplace=True)
        return torch.tanh(self.convs[-1](x))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 512), nn.Linear(512, 512), nn.Linear(512, 10)

    def forward(self, images):
        x = nn.functional.relu(self.fc1(images.flatten(1)), inplace=True)
        return self.fc3(nn.functional.relu(self.fc2(x), inplace=True))


BUILDERS = {
    "part1": lambda: keypoint_cnn([(12, 3, 12), (32, 5, 32), (64, 5, 64), (32, 3, 20)], 2),
    "part2": lambda: keypoint_cnn([(12, 3, 12), (32, 5, 32), (64, 5, 64), (64, 5, 64), (32, 5, 10)], 116),
    "fcn": heatmap_fcn,
    "unet": UNet,
    "resnet18": resnet18,
    "resnet50": torchvision.models.resnet50,
    "mobilenet_v2": torchvision.models.mobilenet_v2,
    "efficientnet_b0": lambda: torchvision.models.efficientnet_b0(stochastic_depth_prob=0.0),
    "densenet121": torchvision.models.densenet121,
    "vgg": SmallVgg,
    "dcgan": DcganGenerator,
    "mlp": Mlp,
}


def make_model(name):
    torch.manual_seed(1)
    return BUILDERS[name]()


def parameter_count(model):
    return sum(parameter.numel() for parameter in model.parameters())
