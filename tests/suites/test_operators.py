"""Operators around attention: what is equal on paper is equal here, and the check can fail."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from bench.cases.problem import Incorrect
from bench.cases.setting import Setting
from suites.operators.codebook import CodebookLookup
from suites.operators.contrastive import (
    Pairs,
    SigmoidContrastive,
    SoftmaxContrastive,
    sigmoid_chunked,
    sigmoid_whole,
    softmax_chunked,
    softmax_whole,
)
from suites.operators.gumbel_softmax import CLEAR, GumbelSoftmax, own_gradient
from suites.operators.upsampling import LearnedUpsampling, pixel_shuffle, transposed_convolution

CPU = torch.device("cpu")
SETTING = Setting(torch.float32, CPU)
BACKWARD = Setting(torch.float32, CPU, "fwd_bwd")


def drawn(problem, setting: Setting = SETTING):
    return problem.make_inputs(0, setting).tensors


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_a_shuffled_convolution_is_the_transposed_one(factor: int) -> None:
    problem = LearnedUpsampling(batch=2, channels=3, side=5, factor=factor)
    inputs = tuple(tensor.double() for tensor in drawn(problem))
    ways = [v.build(problem, SETTING, {})(inputs) for v in (transposed_convolution, pixel_shuffle)]
    assert ways[0].shape == problem.output_shape()
    assert torch.allclose(*ways, atol=1e-12)
    assert torch.allclose(problem.formula(*inputs), ways[0], atol=1e-12)


@pytest.mark.parametrize(
    ("problem", "forms"),
    [
        (SoftmaxContrastive(batch=40, dim=8), (softmax_whole, softmax_chunked)),
        (SigmoidContrastive(batch=40, dim=8), (sigmoid_whole, sigmoid_chunked)),
    ],
)
def test_a_loss_in_chunks_is_the_loss_and_has_its_gradient(problem, forms) -> None:
    wide = Setting(torch.float64, CPU, "fwd_bwd")
    sides = [tensor.detach().double() for tensor in drawn(problem)]
    found = []
    for form in forms:
        options = {"chunk": 12} if "chunk" in form.options else {}
        own = Pairs(*(side.clone().requires_grad_() for side in sides))
        loss = form.build(problem, wide, options)(own)
        found.append([loss, *torch.autograd.grad(loss, own)])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-14)


def test_the_losses_are_those_of_the_papers() -> None:
    problem = SigmoidContrastive(batch=6, dim=4)
    image, text = drawn(problem)
    logits = (problem.scale * image @ text.T).double()
    expected = 0.0
    for i in range(6):
        for j in range(6):
            expected -= F.logsigmoid((1 if i == j else -1) * (logits[i, j] + problem.bias)).item()
    assert problem.formula(logits).item() == pytest.approx(expected / 6)
    own = torch.arange(6)
    both = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    assert SoftmaxContrastive(batch=6, dim=4).formula(logits).item() == pytest.approx(both.item())


def test_a_choice_has_one_winner_by_a_clear_lead_and_the_gradient_of_the_softmax() -> None:
    problem = GumbelSoftmax(rows=64, classes=9, tau=0.7)
    inputs = drawn(problem, BACKWARD)
    told = (inputs.logits_NK + inputs.noise_NK).detach()
    best = told.topk(2).values
    assert float((best[:, 0] - best[:, 1]).min()) >= CLEAR * 0.999
    hard = own_gradient.build(problem, BACKWARD, {})(inputs)
    assert torch.equal(hard.detach(), F.one_hot(told.argmax(-1), 9).float())
    upstream = torch.randn_like(hard)
    (got,) = torch.autograd.grad(hard, inputs.logits_NK, upstream)
    soft = (told.requires_grad_() / 0.7).softmax(-1)
    (expected,) = torch.autograd.grad(soft, told, upstream)
    assert torch.allclose(got, expected, atol=1e-6)


def test_the_second_nearest_code_is_incorrect() -> None:
    problem = CodebookLookup(vectors=16, codes=8, dim=4)

    def second(inputs):
        x, codes = inputs
        order = torch.cdist(x, codes).argsort(-1)
        order[1:, 1] = order[1:, 0]  # one vector alone
        return codes[order[:, 1]]

    inputs = problem.make_inputs(0, SETTING)
    with pytest.raises(Incorrect, match="out: "):
        problem.check(problem.call(second, SETTING), inputs, SETTING)
