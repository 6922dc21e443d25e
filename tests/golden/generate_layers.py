#!/usr/bin/env python3
"""Writes the golden files of tests/test_golden_layers.cpp with PyTorch (made with 2.15).

    tests/golden/generate_layers.py            # overwrites tests/golden/{layers,..}.safetensors

As generate.py, whose helpers it uses.
"""

import torch
import torch.nn.functional as F

from generate import FOLDER, Cases, fill_resnet, hashed, write


def layers():
    torch.manual_seed(13)
    cases = Cases()
    x = torch.randn(2, 6, 9)
    for i, (stride, padding, dilation, groups) in enumerate([(1, 0, 1, 1), (2, 2, 1, 2), (1, 3, 2, 3), (3, 1, 1, 6)]):
        cases.add(f"conv1d.{i}", lambda x, w, b: F.conv1d(x, w, b, stride, padding, dilation, groups),
                  (stride, padding, dilation, groups), x=x, w=torch.randn(6, 6 // groups, 3), b=torch.randn(6))
    for i, (shape, slopes) in enumerate([((2, 3, 4, 5), 3), ((2, 3, 4, 5), 1), ((5, 3), 3), ((7,), 1)]):
        cases.add(f"prelu.{i}", lambda x, w: F.prelu(x, w), x=torch.randn(shape), w=torch.randn(slopes))
    for r in (1, 2, 3):
        cases.add(f"pixel_shuffle.{r}", lambda x: F.pixel_shuffle(x, r), (r,), x=torch.randn(2, 2 * r * r, 3, 2))
        cases.add(f"pixel_unshuffle.{r}", lambda x: F.pixel_unshuffle(x, r), (r,), x=torch.randn(2, 2, 3 * r, 2 * r))
    for i, shape in enumerate([(7, 3), (4, 3, 5), (4, 3, 2, 5)]):
        mean, var = torch.randn(3), torch.rand(3) + 0.5
        for training in (0, 1):
            running = mean.clone(), var.clone()
            name = f"batch_norm.{i}.{training}"
            cases.add(name, lambda x, w, b: F.batch_norm(x, *running, w, b, bool(training), 0.3), (training,),
                      x=torch.randn(shape), w=torch.randn(3), b=torch.randn(3))
            cases[f"{name}.mean"], cases[f"{name}.var"] = mean, var
            cases[f"{name}.new_mean"], cases[f"{name}.new_var"] = running
    write("layers", cases)


def losses():
    torch.manual_seed(14)
    cases = Cases()
    reductions = ("mean", "sum", "none")
    for r, reduction in enumerate(reductions):
        for i, (shape, weighted, smoothing) in enumerate([((5, 4), 1, 0), ((5, 4), 0, 30), ((2, 3, 3, 4), 1, 20),
                                                          ((2, 3, 6), 0, 0), ((2, 3, 6), 1, 100)]):
            t = torch.randint(0, shape[1], (shape[0], *shape[2:]))
            t.view(-1)[1] = 77
            w = torch.rand(shape[1]) if weighted else None
            options = {"weight": w, "reduction": reduction}
            cases.add(f"classes.{i}.{reduction}", lambda x: F.cross_entropy(
                x, t, ignore_index=77, label_smoothing=smoothing / 100, **options), (r, smoothing), x=torch.randn(shape))
            cases.add(f"nll.{i}.{reduction}", lambda x: F.nll_loss(x, t, ignore_index=77, **options), (r, 0),
                      x=torch.randn(shape))
            target = torch.randn(shape).softmax(1)
            cases.add(f"probabilities.{i}.{reduction}", lambda x, p: F.cross_entropy(
                x, p, label_smoothing=smoothing / 100, **options), (r, smoothing), x=torch.randn(shape), p=target)
            for name in ("classes", "nll", "probabilities"):
                cases[f"{name}.{i}.{reduction}.t"] = t
                if weighted:
                    cases[f"{name}.{i}.{reduction}.w"] = w
        x, y, w = torch.randn(2, 3, 4), torch.randn(2, 3, 4), torch.rand(2, 3, 4)
        w[0, 1:, 2] = 0
        for name, f in (("mse", F.mse_loss), ("l1", F.l1_loss), ("huber", F.huber_loss)):
            if name == "huber" and reduction == "mean":  # which alone divides by the number of elements there
                continue
            cases.add(f"{name}.{reduction}", lambda x, u: f(x, u, reduction=reduction, weight=w), (r,), x=x, u=y)
            cases[f"{name}.{reduction}.w"] = w
        cases.add(f"huber_plain.{reduction}", lambda x, u: F.huber_loss(x, u, reduction=reduction, delta=0.4), (r,), x=x, u=y)
        logs, target = x.log_softmax(1), y.softmax(1)
        target[0, 0] = 0
        cases.add(f"kl_div.{reduction}", lambda x: F.kl_div(x, target, reduction=reduction), (r,), x=logs)
        cases[f"kl_div.{reduction}.t"] = target
        cases.add(f"kl_div_log.{reduction}", lambda x, u: F.kl_div(x, u, reduction=reduction, log_target=True), (r,), x=logs,
                  u=y.log_softmax(1))
    write("losses", cases)


def sampling():
    torch.manual_seed(15)
    torch.use_deterministic_algorithms(False)  # max_unpool2d has none, but here no two elements have one place
    cases = Cases()
    x = torch.randn(2, 3, 9, 8)
    for i, (kernel, stride, padding, dilation, ceil) in enumerate([(2, 2, 0, 1, 0), (3, 2, 1, 1, 1), (2, 1, 1, 3, 0),
                                                                   (3, 2, 1, 2, 1), (2, 3, 0, 4, 1)]):
        options = (kernel, stride, padding, dilation, ceil)
        cases.add(f"max_pool.{i}", lambda x: F.max_pool2d(x, *options[:4], bool(ceil)), options, x=x)
        y, indices = F.max_pool2d(x, *options[:4], bool(ceil), return_indices=True)
        cases[f"max_pool.{i}.indices"] = indices
        if stride >= kernel:
            cases.add(f"max_unpool.{i}", lambda x: torch._C._nn.max_unpool2d(x, indices, (9, 8)), x=y)
            cases[f"max_unpool.{i}.indices"] = indices
    for i, (kernel, stride, padding, ceil) in enumerate([(3, 2, 1, 0), (4, 3, 2, 1), (2, 1, 1, 0)]):
        cases.add(f"avg_pool.{i}", lambda x: F.avg_pool2d(x, kernel, stride, padding, bool(ceil), False),
                  (kernel, stride, padding, ceil), x=x)
    for i, (left, right, top, bottom) in enumerate([(1, 0, 0, 2), (0, 3, 1, 1)]):
        cases.add(f"conv2d.{i}", lambda x, w: F.conv2d(F.pad(x, (left, right, top, bottom)), w, stride=2),
                  (top, left, bottom, right), x=x, w=torch.randn(4, 3, 3, 2))
    for m, mode in enumerate(("bilinear", "nearest")):
        for p, padding in enumerate(("zeros", "border", "reflection")):
            for align in (0, 1):
                cases.add(f"grid_sample.{m}{p}{align}", lambda x, g: F.grid_sample(x, g, mode, padding, bool(align)),
                          (m, p, align), x=torch.randn(2, 3, 4, 5), g=1.3 * torch.randn(2, 6, 3, 2))
    write("sampling", cases)


def sequences():
    """Recurrent layers and attention: results, and gradients of the input and all parameters."""
    torch.manual_seed(16)
    result = {}

    def add(case, net, y, x):
        y = y if isinstance(y, tuple) else (y,)
        dy = [torch.randn_like(v) for v in y]
        torch.autograd.backward(y, dy)
        for i, (v, d) in enumerate(zip(y, dy)):
            result[f"{case}.y{i}"], result[f"{case}.dy{i}"] = v, d
        result[f"{case}.x"], result[f"{case}.dx"] = x, x.grad
        for name, p in net.named_parameters():
            result[f"{case}.p.{name}"], result[f"{case}.g.{name}"] = p, p.grad

    for i, (layers, bidirectional, batch_first, bias) in enumerate([(1, 0, 0, 1), (2, 1, 1, 1), (2, 0, 0, 0)]):
        for kind in ("LSTM", "GRU"):
            net = getattr(torch.nn, kind)(3, 4, layers, bias=bool(bias), batch_first=bool(batch_first),
                                          bidirectional=bool(bidirectional))
            case = f"{kind}.{i}"
            x, rows = torch.randn(5, 2, 3, requires_grad=True), 5 if batch_first else 2
            h, c = (torch.randn(layers * (1 + bidirectional), rows, 4) for _ in range(2))
            output, state = net(x, (h, c) if kind == "LSTM" else h)
            add(case, net, (output, *(state if kind == "LSTM" else (state,))), x)
            result[f"{case}.h"], result[f"{case}.c"] = h, c
            result[f"{case}.options"] = torch.tensor([layers, bidirectional, batch_first, bias])
    for i, (bias, batch_first, masked, causal) in enumerate([(1, 0, 0, 0), (0, 1, 1, 0), (1, 1, 1, 1)]):
        net = torch.nn.MultiheadAttention(6, 3, bias=bool(bias), batch_first=bool(batch_first))
        for name, p in net.named_parameters():
            if "bias" in name:
                torch.nn.init.normal_(p)
        case = f"attention.{i}"
        x, key = torch.randn(4, 4, 6, requires_grad=True), torch.randn(4, 4, 6)
        padding = torch.zeros(4, 4)
        padding[1, 2:] = padding[3, 1] = 1
        mask = torch.randn(4, 4)
        causal_mask = torch.full((4, 4), -torch.inf).triu(1)
        y, _ = net(x, key, key + x, key_padding_mask=torch.zeros(4, 4).masked_fill(padding > 0, -torch.inf) if masked else None,
                   attn_mask=mask + causal_mask if causal else mask)
        add(case, net, y, x)
        result[f"{case}.key"], result[f"{case}.padding"], result[f"{case}.mask"] = key, padding, mask
        result[f"{case}.options"] = torch.tensor([bias, batch_first, masked, causal])
    write("sequences", result)


def optimizers():
    torch.manual_seed(17)
    start, gradients = torch.randn(12), torch.randn(20, 12)
    gradients[:, 3] = 0
    result = {"start": start, "gradients": gradients}
    for name, make in {
        "rmsprop": lambda p: torch.optim.RMSprop(p),
        "rmsprop_momentum": lambda p: torch.optim.RMSprop(p, 0.02, 0.9, 1e-4, 0.1, 0.8),
        "rmsprop_centered": lambda p: torch.optim.RMSprop(p, 0.02, 0.9, 1e-3, momentum=0.5, centered=True),
        "adagrad": lambda p: torch.optim.Adagrad(p),
        "adagrad_other": lambda p: torch.optim.Adagrad(p, 0.1, 0.2, 0.1, 0.3, 1e-4),
    }.items():
        p = start.clone().requires_grad_()
        optimizer, steps = make([p]), []
        for g in gradients:
            p.grad = g.clone()
            optimizer.step()
            steps.append(p.detach().clone())
        result[name] = torch.stack(steps)
    write("optimizers", result)


def classifiers():
    """torchvision's networks: what they give in eval mode for `hashed` weights, and the names of all that they keep."""
    import torchvision

    result, lines = {}, []
    for name, size in (("mobilenet_v2", 64), ("mobilenet_v3_large", 64), ("mobilenet_v3_small", 64), ("efficientnet_b0", 64),
                       ("densenet121", 64), ("vgg11", 32), ("vgg11_bn", 32)):
        net = getattr(torchvision.models, name)(weights=None, num_classes=10).eval()
        fill_resnet(net)
        with torch.no_grad():
            result[f"{name}.y"] = net(hashed(2 * 3 * size * size, 2000, 1).reshape(2, 3, size, size))
        lines += [f"{name} {key} [{', '.join(map(str, v.shape))}]" for key, v in net.state_dict().items()]
    write("classifiers", result)
    (FOLDER / "classifiers_state.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    for make in (layers, losses, sampling, sequences, optimizers, classifiers):
        make()
