#!/usr/bin/env python3
"""The same work as bench_train_step and bench_inference in PyTorch. `torch_peer.py --version` says which one.

    torch_peer.py train_step --network mobilenet_v2 --variant channels_last --threads 2"""

import argparse
import sys

sys.dont_write_bytecode = True

import torch
from torch import nn

import networks
import program

VARIANTS = ("plain", "channels_last", "compiled")


def set_order(arguments, model, images):
    """Both in the memory order of the variant. What is compiled is given channels-last, which is faster there, too."""
    order = torch.contiguous_format if arguments.variant == "plain" else torch.channels_last
    # Not images.contiguous(memory_format=order), which leaves images of one channel as they are.
    model, images = model.to(memory_format=order), images.to(memory_format=order)
    if order is torch.channels_last:
        check_channels_last(model, images)
    return model, images


def check_channels_last(model, images):
    """An error unless all convolutions are given channels-last images and hand them on."""

    def strides_are_channels_last(x):
        n, c, h, w = x.shape
        return c * h * w == 1 or h * w == 1 or x.stride() == (c * h * w, 1, w * c, c)

    def check(module, given, answer):
        for x in (*given, answer):
            if not strides_are_channels_last(x):
                raise RuntimeError(f"{module} has {tuple(x.shape)} with strides {x.stride()}, not channels-last")

    hooks = [m.register_forward_hook(check) for m in model.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    training = model.training
    with torch.no_grad():
        model.eval()(images[:2])
    model.train(training)
    for hook in hooks:
        hook.remove()


def make_step(arguments, model, images):
    """Forward, loss, backward and SGD, on the same images every time."""
    answer_shape = (images.shape[0], *networks.SIZES[arguments.network][2])
    maps = arguments.network in networks.MAPS
    pixels = answer_shape[-2] * answer_shape[-1] if maps else 0
    targets = torch.randint(pixels, (images.shape[0] * answer_shape[1],)) if maps else torch.rand(answer_shape)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    call = torch.compile(model) if arguments.variant == "compiled" else model

    def step():
        optimizer.zero_grad()
        answer = call(images)
        loss = (nn.functional.cross_entropy(answer.reshape(-1, pixels), targets) if maps
                else nn.functional.mse_loss(answer, targets))
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def make_call(arguments, model, images):
    """In eval mode, without gradients; compiled with weights as constants, batch norm folded into convolutions."""
    model.eval()
    call = model
    if arguments.variant == "compiled":
        from torch._inductor import config
        config.freezing = True
        call = torch.compile(model)

    def run():
        with torch.no_grad():
            call(images)

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version=f"PyTorch {torch.__version__.split('+')[0]}")
    parser.add_argument("work", choices=("train_step", "inference"))
    parser.add_argument("--variant", choices=VARIANTS, default="plain")
    arguments = program.arguments_of(parser)
    torch.set_num_threads(arguments.threads)
    model = networks.make_model(arguments.network)
    parameters = networks.parameter_count(model)
    default_batch, image, _ = networks.SIZES[arguments.network]
    batch = arguments.batch or default_batch
    model, images = set_order(arguments, model, torch.rand(batch, *image) - 0.5)
    make = make_step if arguments.work == "train_step" else make_call
    times = program.measure(arguments, make(arguments, model, images), warm_up=3)
    program.print_record(work=arguments.work, network=arguments.network, library=f"PyTorch {torch.__version__.split('+')[0]}",
                         variant=arguments.variant, parameters=parameters, batch=batch,
                         threads=torch.get_num_threads(), **times)


if __name__ == "__main__":
    main()
