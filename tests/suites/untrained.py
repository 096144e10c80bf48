"""Trained grounds as their networks are drawn: nobody looks at what they compute."""

from __future__ import annotations

import pytest

from suites.models import classes, edm, noisy_classifier
from suites.samplers import distilled, sid
from suites.samplers.ground import Ground
from suites.samplers.grounds import mlp_classes, reflow
from suites.samplers.trained import Trained


def leave_untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw weights in place of training them, or of reading them from the cache."""
    weights = lambda self: edm.Preconditioned(self.build(), 1.0).state_dict()  # noqa: E731
    monkeypatch.setattr(Trained, "weights", weights)
    monkeypatch.setattr(mlp_classes.Classed, "weights", _classed)
    monkeypatch.setattr(mlp_classes.Classed, "classifier_weights", _classifier)
    monkeypatch.setattr(sid, "distilled", lambda ground, *_: _generator(ground))
    monkeypatch.setattr(reflow.Reflow, "weights", lambda self: self._network().state_dict())


def _classed(ground: mlp_classes.Classed) -> dict[str, object]:
    network = classes.ClassMlp(ground.shape, ground.none, mlp_classes.WIDTH)
    return edm.Preconditioned(network, 1.0).state_dict()


def _classifier(ground: mlp_classes.Classed) -> dict[str, object]:
    return noisy_classifier.NoisyClassifier(
        ground.shape, ground.none, *mlp_classes.CLASSIFIER, 1.0
    ).state_dict()


def _generator(ground: Ground) -> dict[str, object]:
    return distilled.generator_of(ground.shape).state_dict()
