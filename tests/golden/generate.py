#!/usr/bin/python3
"""Writes the golden files of tests/test_golden.cpp with PyTorch (made with 1.13, Debian's python3-torch;
activations and operations with 2.15).

    tests/golden/generate.py            # overwrites tests/golden/*.safetensors

Everything is seeded and computed in float64. Names are `case.what`; `case.options` are integers.
"""

import json
import math
import pathlib
import struct

import numpy as np
import torch
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).parent
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.use_deterministic_algorithms(True)


def write(name, tensors):
    """Header length, JSON header, data: https://github.com/huggingface/safetensors#format"""
    header, blobs, at = {}, [], 0
    for key, tensor in tensors.items():
        array = np.ascontiguousarray(tensor.detach().numpy())
        blobs.append(array.tobytes())
        header[key] = {
            "dtype": {"float64": "F64", "int64": "I64"}[str(array.dtype)],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + len(blobs[-1])],
        }
        at += len(blobs[-1])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path = FOLDER / f"{name}.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{path.name}: {path.stat().st_size} bytes")


class Cases(dict):
    """Results of f(inputs) and gradients for a random gradient of the result."""

    def add(self, case, f, options=(), **inputs):
        leaves = {k: v.clone().requires_grad_(v.is_floating_point()) for k, v in inputs.items() if v is not None}
        y = f(**leaves)
        dy = torch.randn_like(y)
        y.backward(dy)
        self[f"{case}.options"] = torch.tensor(options, dtype=torch.int64).reshape(-1)
        self[f"{case}.y"], self[f"{case}.dy"] = y, dy
        for k, v in leaves.items():
            self[f"{case}.{k}"] = v
            if v.grad is not None:
                self[f"{case}.d{k}"] = v.grad


def conv2d():
    torch.manual_seed(1)
    cases = Cases()
    for i, (x, w, stride, padding, dilation, groups, bias) in enumerate([
        ((2, 3, 7, 5), (4, 3, 3, 3), (1, 1), (0, 0), (1, 1), 1, True),
        ((2, 3, 8, 7), (4, 3, 3, 3), (2, 2), (1, 1), (1, 1), 1, False),
        ((1, 2, 9, 11), (3, 2, 3, 5), (2, 3), (0, 2), (1, 1), 1, True),
        ((2, 2, 9, 10), (3, 2, 3, 3), (1, 1), (2, 2), (2, 2), 1, True),
        ((2, 6, 6, 6), (9, 2, 3, 3), (1, 1), (1, 1), (1, 1), 3, True),
        ((2, 4, 7, 5), (8, 1, 3, 3), (2, 1), (1, 2), (1, 2), 4, True),
        ((3, 5, 4, 6), (2, 5, 1, 1), (1, 1), (0, 0), (1, 1), 1, True),
        ((1, 3, 14, 14), (4, 3, 7, 7), (2, 2), (3, 3), (1, 1), 1, False),
        ((1, 1, 2, 2), (2, 1, 4, 4), (1, 1), (1, 1), (1, 1), 1, True),
    ]):
        cases.add(
            i,
            lambda x, w, b=None: F.conv2d(x, w, b, stride, padding, dilation, groups),
            (*stride, *padding, *dilation, groups),
            x=torch.randn(x), w=torch.randn(w), b=torch.randn(w[0]) if bias else None)
    write("conv2d", cases)


def conv_transpose2d():
    torch.manual_seed(10)
    cases = Cases()
    for i, (x, w, stride, padding, output_padding, dilation, groups, bias) in enumerate([
        ((2, 3, 4, 5), (3, 4, 2, 2), (2, 2), (0, 0), (0, 0), (1, 1), 1, True),
        ((2, 3, 4, 3), (3, 2, 3, 3), (2, 2), (1, 1), (1, 1), (1, 1), 1, False),
        ((1, 2, 3, 5), (2, 3, 4, 3), (2, 3), (1, 2), (1, 0), (1, 1), 1, True),
        ((1, 2, 3, 4), (2, 2, 3, 2), (1, 1), (1, 1), (1, 0), (2, 3), 1, True),
        ((2, 6, 3, 3), (6, 3, 3, 3), (2, 2), (0, 0), (0, 0), (1, 1), 3, True),
        ((2, 3, 4, 5), (3, 2, 1, 1), (1, 1), (0, 0), (0, 0), (1, 1), 1, True),
    ]):
        cases.add(
            i,
            lambda x, w, b=None: F.conv_transpose2d(x, w, b, stride, padding, output_padding, groups, dilation),
            (*stride, *padding, *output_padding, *dilation, groups),
            x=torch.randn(x), w=torch.randn(w), b=torch.randn(w[1] * groups) if bias else None)
    write("conv_transpose2d", cases)


def pool():
    torch.manual_seed(2)
    cases = Cases()
    regular = [  # height, width, kernel, stride, padding, ceil_mode
        (6, 8, (2, 2), (2, 2), (0, 0), False),
        (7, 5, (2, 2), (2, 2), (0, 0), True),
        (7, 9, (3, 3), (2, 2), (1, 1), False),
        (8, 6, (3, 3), (2, 2), (1, 1), True),
        (5, 5, (3, 2), (1, 3), (1, 0), False),
        (4, 4, (2, 2), (3, 3), (0, 0), True),
        (5, 7, (4, 3), (3, 2), (2, 1), True),
        (1, 1, (2, 2), (1, 1), (1, 1), False),
    ]
    for i, (h, w, kernel, stride, padding, ceil) in enumerate(regular):
        options = (*kernel, *stride, *padding, ceil)
        x = torch.randn(2, 3, h, w)
        cases.add(f"max.{i}", lambda x: F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil), options, x=x)
        cases.add(f"avg.{i}", lambda x: F.avg_pool2d(x, kernel, stride, padding, ceil_mode=ceil), options, x=x)
        # Few different numbers: which of equal ones gets the gradient.
        ties = torch.randint(0, 3, (1, 2, h, w)).double()
        cases.add(f"max.tie{i}", lambda x: F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil), options, x=ties)
    for i, (h, w, out) in enumerate(
            [(6, 8, (3, 4)), (7, 5, (3, 2)), (3, 4, (7, 9)), (1, 1, (3, 2)), (5, 5, (5, 5)), (4, 9, (6, 2)), (11, 13, (1, 1))]):
        x = torch.randn(2, 3, h, w)
        cases.add(f"adaptive_max.{i}", lambda x: F.adaptive_max_pool2d(x, out), out, x=x)
        cases.add(f"adaptive_avg.{i}", lambda x: F.adaptive_avg_pool2d(x, out), out, x=x)
    write("pool", cases)


def upsample():
    """Options: bilinear, align_corners, height, width (0: by the factor), 100 times the factor (0: by the size)."""
    torch.manual_seed(8)
    cases = Cases()
    targets = [(6, 8, 0), (7, 9, 0), (3, 2, 0), (1, 1, 0), (4, 5, 0), (2, 13, 0),
               (0, 0, 200), (0, 0, 300), (0, 0, 150), (0, 0, 270), (0, 0, 60)]
    for i, (h, w, factor) in enumerate(targets):
        for bilinear, corners in ((0, 0), (1, 0), (1, 1)):
            kwargs = {"scale_factor": factor / 100} if factor else {"size": (h, w)}
            if bilinear:
                kwargs.update(mode="bilinear", align_corners=bool(corners))
            cases.add(f"{i}.{bilinear}{corners}", lambda x: F.interpolate(x, **kwargs), (bilinear, corners, h, w, factor),
                      x=torch.randn(1, 2, 4, 5))
    write("upsample", cases)


def linear():
    torch.manual_seed(3)
    cases = Cases()
    cases.add("bias", F.linear, input=torch.randn(5, 4), weight=torch.randn(3, 4), bias=torch.randn(3))
    cases.add("plain", F.linear, input=torch.randn(1, 6), weight=torch.randn(2, 6))
    write("linear", cases)


def loss():
    torch.manual_seed(4)
    cases = Cases()
    for reduction in ("mean", "sum", "none"):
        def add(name, f, p, t):
            cases.add(f"{name}.{reduction}", lambda p, t: f(p, t, reduction=reduction), p=p, t=t)
        add("mse", F.mse_loss, torch.randn(3, 4), torch.randn(3, 4))
        add("l1", F.l1_loss, torch.randn(3, 4), torch.randn(3, 4))
        add("classes", F.cross_entropy, 3 * torch.randn(5, 4), torch.randint(0, 4, (5,)))
        add("pixels", F.cross_entropy, 3 * torch.randn(2, 3, 3, 4), torch.randint(0, 3, (2, 3, 4)))
        add("probabilities", F.cross_entropy, 3 * torch.randn(5, 4), torch.randn(5, 4).softmax(1))
        add("pixel_probabilities", F.cross_entropy, 3 * torch.randn(2, 3, 3, 4), torch.randn(2, 3, 3, 4).softmax(1))
        for beta in (0, 5, 10):
            add(f"smooth_l1_{beta}", lambda p, t, reduction: F.smooth_l1_loss(p, t, reduction=reduction, beta=beta / 10),
                torch.randn(3, 4), torch.randn(3, 4))
        add("bce", F.binary_cross_entropy_with_logits, 9 * torch.randn(3, 4), torch.rand(3, 4))
        add("bce_weighted", lambda p, t, reduction: F.binary_cross_entropy_with_logits(
            p, t, reduction=reduction, pos_weight=torch.tensor(2.5)), 9 * torch.randn(3, 4), torch.rand(3, 4))
        add("maps", lambda p, t, reduction: F.cross_entropy(  # a map is a sample, its pixels are the classes
            p.flatten(2).flatten(0, 1), t.flatten(2).flatten(0, 1), reduction=reduction).reshape(
                (2, 3) if reduction == "none" else ()),
            3 * torch.randn(2, 3, 4, 5), torch.rand(2, 3, 4, 5))
    write("loss", cases)


def activations():
    torch.manual_seed(5)
    cases = Cases()
    # F.hardsigmoid multiplies gradients by a sixth in float, of whatever type they are.
    x = torch.cat([3 * torch.randn(2, 3, 4).reshape(-1), torch.tensor([0.0, 30.0, -30.0, 1e-9])]).reshape(7, 4)
    for name, f in [("relu", F.relu), ("leaky_relu", F.leaky_relu), ("elu", F.elu), ("sigmoid", torch.sigmoid),
                    ("tanh", torch.tanh), ("softmax0", lambda x: F.softmax(x, 0)), ("softmax1", lambda x: F.softmax(x, 1)),
                    ("log_softmax0", lambda x: F.log_softmax(x, 0)), ("log_softmax1", lambda x: F.log_softmax(x, 1)),
                    ("clamp", lambda x: x.clamp(-1, 2)), ("abs", torch.abs), ("relu6", F.relu6), ("silu", F.silu),
                    ("hardswish", F.hardswish), ("hardsigmoid", lambda x: F.relu6(x + 3) / 6), ("gelu", F.gelu), ("selu", F.selu),
                    ("softplus", F.softplus), ("softplus2", lambda x: F.softplus(x, 2, 5))]:
        cases.add(name, lambda x: f(x), x=x)
    write("activations", cases)


def operations():
    torch.manual_seed(12)
    cases = Cases()
    x, y = torch.randn(2, 3, 4, 5), torch.randn(3, 1, 5)
    mask = (torch.randn(2, 3, 4, 5) > 0).double()
    constant = {"c": mask.to(torch.int64)}  # integers get no gradient
    cases.add("where", lambda a, b, c: torch.where(c > 0, a, b), a=x, b=y, **constant)
    cases.add("masked_fill", lambda a, c: a.masked_fill(c > 0, -3), a=x, **constant)
    index = torch.randint(0, 4, (2, 3, 6, 2))
    cases.add("gather", lambda x, i: x.gather(2, i), x=x, i=index)
    cases.add("index_select", lambda x: x.index_select(1, torch.tensor([2, 0, 2, 1])), x=x)
    words = torch.randint(0, 7, (3, 4))
    cases.add("embedding", lambda w, i: F.embedding(i, w, padding_idx=2), w=torch.randn(7, 5), i=words)
    cases.add("flip", lambda x: x.flip((1, 3)), x=x)
    for mode in ("reflect", "replicate"):
        cases.add(f"pad.{mode}", lambda x: F.pad(x, (2, 3, 1, 2), mode=mode), x=x)
    cases.add("stack", lambda a, b: torch.stack([a, b], 1), a=x, b=x + 1)
    for name, f in (("var", torch.var), ("stddev", torch.std)):
        for i, (dims, correction) in enumerate([((0, 2), 1), ((3,), 0), ((0, 1, 2, 3), 1)]):
            cases.add(f"{name}.{i}", lambda x: f(x, dims, correction=correction), (correction, *dims), x=x)
    for i, (p, dims) in enumerate([(2, (1,)), (1, (0, 3)), (3, (2, 3)), (2, (0, 1, 2, 3))]):
        cases.add(f"norm.{i}", lambda x: torch.linalg.vector_norm(x, p, dims), (p, *dims), x=x)
    for i, dims in enumerate([(1,), (0, 3), (0, 1, 2, 3)]):
        cases.add(f"logsumexp.{i}", lambda x: torch.logsumexp(40 * x, dims), dims, x=x)
    for dim in range(4):
        cases.add(f"cumsum.{dim}", lambda x: x.cumsum(dim), (dim,), x=x)
        cases.add(f"sort.{dim}", lambda x: x.sort(dim).values, (dim,), x=x)
        cases.add(f"topk.{dim}", lambda x: x.topk(2, dim).values, (dim,), x=x)
    for i, (a, b) in enumerate([((2, 1, 4, 5), (3, 5, 2)), ((4, 5), (3, 5, 2)), ((2, 3, 4, 5), (5, 2)), ((5,), (5,)),
                                ((5,), (2, 5, 3)), ((2, 4, 5), (5,)), ((3, 1, 1, 2), (2, 2, 3))]):
        cases.add(f"matmul.{i}", lambda a, b: a @ b, a=torch.randn(a), b=torch.randn(b))
    for i, shape in enumerate([(5,), (2, 3, 5)]):
        cases.add(f"linear.{i}", lambda x, w, b: F.linear(x, w, b), x=torch.randn(shape), w=torch.randn(4, 5), b=torch.randn(4))
    for i, dims in enumerate([(5,), (4, 5), (2, 3, 4, 5)]):
        cases.add(f"layer_norm.{i}", lambda x, w, b: F.layer_norm(x, dims, w, b), dims, x=x, w=torch.randn(dims),
                  b=torch.randn(dims))
    x = torch.randn(2, 6, 3, 4)
    for groups in (1, 2, 3, 6):
        cases.add(f"group_norm.{groups}", lambda x, w, b: F.group_norm(x, groups, w, b), (groups,), x=x, w=torch.randn(6),
                  b=torch.randn(6))
    cases.add("instance_norm", lambda x, w, b: F.instance_norm(x, weight=w, bias=b), x=x, w=torch.randn(6), b=torch.randn(6))
    write("operations", cases)


def init():
    """Largest absolute value and deviation of weights and biases of large layers: the range of the initialisation."""
    torch.manual_seed(6)
    layers = {
        "conv": torch.nn.Conv2d(64, 512, 5),
        "grouped": torch.nn.Conv2d(64, 512, (3, 2), groups=4),
        "transposed": torch.nn.ConvTranspose2d(512, 128, (3, 2), groups=4),
        "linear": torch.nn.Linear(900, 512),
    }
    write("init", {
        name: torch.stack([v for p in (layer.weight, layer.bias) for v in (p.abs().max(), p.std())])
        for name, layer in layers.items()
    })


def optim():
    torch.manual_seed(7)
    start, gradients = torch.randn(12), torch.randn(20, 12)
    gradients[:, 3] = 0
    result = {"start": start, "gradients": gradients}
    for name, make in {
        "plain": lambda p: torch.optim.SGD(p, lr=0.05),
        "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
        "dampening": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.4),
        "decay": lambda p: torch.optim.SGD(p, lr=0.05, weight_decay=0.1),
        "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
        "nesterov_decay": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.8, weight_decay=0.1, nesterov=True),
        "everything": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.8, dampening=0.2, weight_decay=0.1),
        "adam": lambda p: torch.optim.Adam(p, lr=0.05),
        "adam_decay": lambda p: torch.optim.Adam(p, lr=0.05, weight_decay=0.1),
        "adam_other": lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.7, 0.95), eps=1e-4),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.05),
        "adamw_other": lambda p: torch.optim.AdamW(p, lr=0.02, betas=(0.7, 0.95), eps=1e-4, weight_decay=0.3),
    }.items():
        p = start.clone().requires_grad_()
        optimizer = make([p])
        steps = []
        for g in gradients:
            p.grad = g.clone()
            optimizer.step()
            steps.append(p.detach().clone())
        result[name] = torch.stack(steps)
    # Gradients of a parameter of 5 and one of 7 numbers, clipped together.
    for name, limit in {"clip_some": 0.7, "clip_none": 99}.items():
        parts = [p.clone() for p in start.split((5, 7))]
        for p, g in zip(parts, gradients[0].split((5, 7))):
            p.grad = g.clone()
        result[f"{name}_norm"] = torch.nn.utils.clip_grad_norm_(parts, limit).reshape(1)
        result[name] = torch.cat([p.grad for p in parts])
    p.grad = gradients[0].clone()[:7]
    torch.nn.utils.clip_grad_value_([p], 0.4)
    result["clip_value"] = p.grad
    write("optim", result)


def schedules():
    """Learning rates of PyTorch's schedules for a base of 1, or where the base is the largest, a largest of 1."""
    torch.manual_seed(9)

    def rates(make, steps, losses=None):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
        schedule = make(optimizer)
        result = []
        for i in range(steps):
            if losses is None:
                result.append(optimizer.param_groups[0]["lr"])
                optimizer.step()
                schedule.step()
            else:  # what the next epoch uses
                schedule.step(losses[i])
                result.append(optimizer.param_groups[0]["lr"])
        return torch.tensor(result)

    lr = torch.optim.lr_scheduler
    result = {
        "step": rates(lambda o: lr.MultiStepLR(o, [20, 50, 75], 0.3), 100),
        "one_cycle": rates(lambda o: lr.OneCycleLR(o, 1, total_steps=101), 101),
        "one_cycle_other": rates(
            lambda o: lr.OneCycleLR(o, 1, total_steps=101, pct_start=0.5, div_factor=4, final_div_factor=10), 101),
    }
    # Falls, then a plateau with noise, and one epoch that is no number.
    losses = 2 * 0.9 ** torch.arange(120.0).clamp(max=40) * (1 + 0.1 * torch.rand(120))
    losses[70] = torch.nan
    result["losses"] = losses
    for name, options in {"default": {}, "patient": {"factor": 0.5, "patience": 4, "cooldown": 3},
                          "bounded": {"factor": 0.3, "patience": 2, "threshold": 0.05, "min_lr": 0.02}}.items():
        result[f"plateau_{name}"] = rates(lambda o: lr.ReduceLROnPlateau(o, **options), 120, losses.tolist())
    write("schedules", result)


def hashed(count, number, scale):
    """`count` numbers k scale / 2^15 with whole k in [-2^15, 2^15): the same bits from any program. MurmurHash3's
    finalizer of the position and the parameter's number."""
    h = (np.arange(count, dtype=np.uint64) + np.uint64(number) * np.uint64(0x9E3779B1)) & np.uint64(0xFFFFFFFF)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = ((h ^ (h >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    h ^= h >> np.uint64(16)
    return torch.from_numpy(((h & np.uint64(0xFFFF)).astype(np.float64) - 2**15) * (scale / 2**15))


def nose_tip():
    """The network of part 1: result, loss, and of each gradient its norm and 16 numbers."""
    layers = torch.nn.ModuleList([
        torch.nn.Conv2d(1, 12, 3), torch.nn.Conv2d(12, 32, 5), torch.nn.Conv2d(32, 64, 5), torch.nn.Conv2d(64, 32, 3),
        torch.nn.Linear(12800, 128), torch.nn.Linear(128, 2)])
    parameters = list(layers.parameters())
    scales = [2.0**-s for s in (1, 1, 4, 4, 4, 4, 4, 4, 6, 6, 3, 3)]
    for i, (p, scale) in enumerate(zip(parameters, scales)):
        p.data = hashed(p.numel(), i, scale).reshape(p.shape)
    x = images = hashed(2 * 60 * 80, 100, 0.5).reshape(2, 1, 60, 80)
    for conv, pooled in zip(layers[:4], (12, 32, 64, 20)):
        x = F.adaptive_max_pool2d(F.relu(conv(x)), pooled)
    y = layers[5](F.relu(layers[4](x.flatten(1))))
    loss = F.mse_loss(y, hashed(4, 101, 0.5).reshape(2, 2))
    loss.backward()
    result = {"y": y, "loss": loss.reshape(1)}
    for i, p in enumerate(parameters):
        g = p.grad.reshape(-1)
        result[f"{i}.norm"] = g.norm().reshape(1)
        result[f"{i}.numbers"] = g[torch.arange(16) * (g.numel() - 1) // 15]
    write("nose_tip", result)


def batch_norm():
    torch.manual_seed(20)
    cases = Cases()
    for i, (shape, affine) in enumerate([((4, 3, 5, 6), True), ((3, 5, 1, 1), True), ((2, 2, 7, 4), False)]):
        mean, var = torch.randn(shape[1]), torch.rand(shape[1]) + 0.5
        for mode, training in (("train", True), ("eval", False)):
            cases.add(
                f"{mode}.{i}",
                lambda x, w=None, b=None: F.batch_norm(x, mean.clone(), var.clone(), w, b, training),
                x=torch.randn(shape) + 0.5, w=torch.randn(shape[1]) if affine else None,
                b=torch.randn(shape[1]) if affine else None)
            cases[f"{mode}.{i}.mean"], cases[f"{mode}.{i}.var"] = mean, var
        layer = torch.nn.BatchNorm2d(shape[1])
        batches = 3 * torch.randn(4, *shape) + 2
        for batch in batches:
            layer(batch)
        cases[f"running.{i}.batches"] = batches.flatten(0, 1)
        cases[f"running.{i}.mean"], cases[f"running.{i}.var"] = layer.running_mean, layer.running_var
    write("batch_norm", cases)


class BasicBlock(torch.nn.Module):
    expansion = 1

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(width)
        self.conv2 = torch.nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(width)
        self.downsample = downsample(inputs, width, stride)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(torch.nn.Module):
    expansion = 4

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(width)
        self.conv2 = torch.nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(width)
        self.conv3 = torch.nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = torch.nn.BatchNorm2d(4 * width)
        self.downsample = downsample(inputs, 4 * width, stride)

    def forward(self, x):
        y = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        return F.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


def downsample(inputs, outputs, stride):
    if stride == 1 and inputs == outputs:
        return None
    return torch.nn.Sequential(
        torch.nn.Conv2d(inputs, outputs, 1, stride, bias=False), torch.nn.BatchNorm2d(outputs))


class ResNet(torch.nn.Module):
    """The layout and the names of torchvision.models.resnet18, resnet34 and resnet50."""

    def __init__(self, block, depths, in_channels=3, outputs=1000):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(64)
        inputs = 64
        for i, depth in enumerate(depths):
            blocks = []
            for k in range(depth):
                blocks.append(block(inputs, 64 << i, 2 if i > 0 and k == 0 else 1))
                inputs = (64 << i) * block.expansion
            self.add_module(f"layer{i + 1}", torch.nn.Sequential(*blocks))
        self.fc = torch.nn.Linear(inputs, outputs)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def fill_resnet(net):
    """`hashed` numbers of a healthy size, and the names of all floating-point entries of the state dict."""
    entries = {k: v for k, v in net.state_dict().items() if v.is_floating_point()}
    for number, (name, v) in enumerate(entries.items()):
        if v.dim() > 1:  # Kaiming-uniform, up to the rounding to a power of two
            fan_in = v[0].numel()
            values = hashed(v.numel(), number, 2.0 ** round(math.log2(6 / fan_in) / 2))
        elif name.endswith(("running_mean", "bias")):
            values = hashed(v.numel(), number, 0.25)
        else:
            values = 1 + hashed(v.numel(), number, 0.5)
        v.copy_(values.reshape(v.shape))
    return list(entries)


def summary(tensor, number):
    """Sum, norm, sum weighted by `hashed` numbers, and 13 of all numbers."""
    x = tensor.detach().reshape(-1)
    picked = x[torch.arange(13) * (x.numel() - 1) // 12]
    return torch.cat([torch.stack([x.sum(), x.norm(), x @ hashed(x.numel(), 1000 + number, 1)]), picked])


def resnet():
    """Three steps of SGD of a ResNet-18. Of 18, 34 and 50 layers, results, and names and shapes of the state dict."""
    net = ResNet(BasicBlock, (2, 2, 2, 2), outputs=10)
    names = fill_resnet(net)
    state = net.state_dict()
    images = hashed(4 * 3 * 64 * 64, 2000, 1.0).reshape(4, 3, 64, 64)
    target = hashed(4 * 10, 2001, 1.0).reshape(4, 10)
    result = {}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9, weight_decay=0.01)
    losses = []
    for step in range(3):
        optimizer.zero_grad()
        y = net(images)
        loss = F.mse_loss(y, target)
        loss.backward()
        losses.append(loss)
        if step == 0:
            gradients = {name: p.grad for name, p in net.named_parameters()}
            for number, name in enumerate(names):
                kind, v = ("gradient", gradients[name]) if name in gradients else ("first", state[name])
                result[f"{kind}.{name}"] = summary(v, number)
        optimizer.step()
    result["losses"] = torch.stack(losses)
    for number, name in enumerate(names):
        result[f"last.{name}"] = summary(state[name], number)

    lines = []
    for depth, block, depths in ((18, BasicBlock, (2, 2, 2, 2)), (34, BasicBlock, (3, 4, 6, 3)),
                                 (50, Bottleneck, (3, 4, 6, 3))):
        net = ResNet(block, depths, outputs=10)
        fill_resnet(net)
        result[f"eval{depth}"], result[f"train{depth}"] = net.eval()(images), net.train()(images)
        for name, v in ResNet(block, depths).state_dict().items():
            lines.append(f"{depth} {name} [{', '.join(map(str, v.shape))}]")
    write("resnet", result)
    (FOLDER / "resnet_state.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    for make in (conv2d, conv_transpose2d, pool, upsample, linear, loss, activations, operations, init, optim, schedules, nose_tip, batch_norm, resnet):
        make()
