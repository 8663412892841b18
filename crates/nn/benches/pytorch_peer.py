#!/usr/bin/env python3
"""PyTorch's training throughput on a network of the benchmarks: what `against_pytorch.sh` runs beside ours.

    pytorch_peer.py [--compile] [--network NAME] [--side PIXELS] [--layout nhwc|nchw] [--threads N] [--seconds S] [--counts]

Needs PyTorch (pip install torch). Prints the median of three windows as "… NUMBER img/s …", or with --counts the number of
parameters and of multiply-accumulates an image, which must be those of the network in `reference/mod.rs`.
"""
import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn import functional

BATCH = 128
CLASSES = 10
# Expansion, kernel, channels, stride of the first, repeats; as REFERENCE and MACRO in reference/mod.rs.
STAGES = {
    "reference": (16, ((4, 5, 24, 1, 2), (4, 5, 40, 2, 3), (6, 3, 80, 2, 3))),
    "macro": (32, ((6, 5, 64, 2, 1), (3, 3, 64, 1, 1), (3, 3, 128, 2, 1), (6, 5, 128, 1, 1), (3, 3, 256, 2, 1),
                   (6, 5, 256, 1, 1))),
}


class ConvBn(nn.Sequential):
    """A convolution without bias, batch normalisation, and ReLU where asked for."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1, relu=True):
        conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True) if relu else nn.Identity())


class Bottleneck(nn.Module):
    """An inverted bottleneck, with its sum where shapes agree."""

    def __init__(self, inputs, outputs, expand, kernel, stride):
        super().__init__()
        middle = inputs * expand
        self.expand = ConvBn(inputs, middle, 1)
        self.depthwise = ConvBn(middle, middle, kernel, stride, groups=middle)
        self.project = ConvBn(middle, outputs, 1, relu=False)
        self.sums = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.sums else y


class Residual(nn.Module):
    """Two dense 3×3 convolutions, added to their input."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(ConvBn(inputs, outputs, 3, stride), ConvBn(outputs, outputs, 3, relu=False))
        self.shortcut = ConvBn(inputs, outputs, 1, stride, relu=False) if stride > 1 else nn.Identity()

    def forward(self, x):
        return functional.relu(self.shortcut(x) + self.body(x), inplace=True)


def network(name):
    if name == "residual":
        layers, channels = [ConvBn(3, 16, 3)], 16
        for outputs in (16, 32, 64):
            for repeat in range(3):
                layers.append(Residual(channels, outputs, 2 if outputs > 16 and repeat == 0 else 1))
                channels = outputs
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))
    channels, stages = STAGES[name]
    layers = [ConvBn(3, channels, 3)]
    for expand, kernel, outputs, stride, repeats in stages:
        for repeat in range(repeats):
            layers.append(Bottleneck(channels, outputs, expand, kernel, stride if repeat == 0 else 1))
            channels = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))


def counts(model):
    """Parameters, and multiply-accumulates of convolutions and linear layers for one image."""
    macs = 0

    def count(layer, _, output):
        nonlocal macs
        positions = output[0, 0].numel() if output.dim() == 4 else 1
        macs += layer.weight.numel() * positions

    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.register_forward_hook(count)
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, 3, 32, 32))
    return sum(it.numel() for it in model.parameters()), macs


def throughput(step, seconds):
    """Images a second in three windows."""
    rates = []
    for _ in range(3):
        start, steps = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            step()
            steps += 1
        rates.append(steps * BATCH / (time.perf_counter() - start))
    return rates


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compile", action="store_true", help="through torch.compile instead of eagerly")
    parser.add_argument("--layout", choices=("nhwc", "nchw"), default="nhwc")
    parser.add_argument("--network", choices=("reference", "macro", "residual"), default="reference")
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--counts", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    model = network(options.network)
    if options.counts:
        print("%d parameters, %d MACs" % counts(model))
        return
    images, labels = torch.randn(BATCH, 3, options.side, options.side), torch.randint(0, CLASSES, (BATCH,))
    if options.layout == "nhwc":
        model, images = (it.to(memory_format=torch.channels_last) for it in (model, images))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    forward = torch.compile(model) if options.compile else model

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(forward(images), labels)
        loss.backward()
        optimiser.step()
        return loss.item()

    # The first steps compile and touch the memory for the first time.
    step()
    step()
    rates = throughput(step, options.seconds)
    mode = "compiled" if options.compile else "eager"
    print(f"torch-{mode} {torch.__version__} {options.network} of {options.side} px, f32 {options.layout} threads={options.threads}: "
          f"{statistics.median(rates):.1f} img/s {[round(rate, 1) for rate in rates]}", flush=True)


if __name__ == "__main__":
    main()
