"""What a machine lacks for torch.compile is a row with its reason; a fault of code stays one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._inductor import config, cpp_builder
from torch._inductor.exc import InvalidCxxCompiler

from bench.checking.compiler import why_not
from bench.workers.outcome import outcome_of

UNLINKED = "CppCompileError: C++ compile error\n/usr/bin/ld: cannot find -ltorch: No such file"


def outcome_of_error(text: str) -> dict[str, Any]:
    def work() -> dict[str, Any]:
        raise RuntimeError(text)

    return outcome_of(work)


@pytest.mark.parametrize("folder", ["/a b/torch", "/it's/torch", '/"/torch', "/tab\t/torch"])
def test_a_path_that_the_linker_takes_for_several_is_named(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "__file__", f"{folder}/__init__.py")
    for text in (UNLINKED, "InductorError: LoweringException: AssertionError: target: flex"):
        reply = outcome_of_error(text)
        assert reply["outcome"] == "unsupported"
        assert repr(folder) in reply["detail"]
        assert "path without spaces" in reply["detail"]
    assert outcome_of_error("AssertionError: my own")["outcome"] == "error"


@pytest.mark.parametrize("folder", ["/plain/torch", "/é/torch", "/run~1/torch"])
def test_a_path_of_one_word_is_no_reason(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__file__", f"{folder}/__init__.py")
    assert outcome_of_error(UNLINKED)["outcome"] == "error"


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config", "g++"),
        (
            "CppCompileError: x.cpp:1: fatal error: Python.h: No such file or directory",
            "python3-dev",
        ),
    ],
)
def test_what_is_to_be_installed_is_named(text: str, lacking: str) -> None:
    reply = outcome_of_error(text)
    assert (reply["outcome"], lacking in reply["detail"]) == ("unsupported", True)


def test_other_errors_stay_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__file__", "/usr/lib/torch/__init__.py")  # where a linker finds it
    for text in (
        "CppCompileError: x.cpp:1: error: expected ';'",
        "no compiler of mine",
        "Python.h",
    ):
        assert outcome_of_error(text)["outcome"] == "error", text


def test_torch_says_so_where_there_is_no_compiler() -> None:
    """Its own words, from the function that looks for one."""
    nobody_has = config.patch({"cpp.cxx": (None, "a-compiler-nobody-has")})
    with nobody_has, pytest.raises(InvalidCxxCompiler) as raised:
        cpp_builder.get_cpp_compiler()
    assert "g++" in why_not(RuntimeError(f"InvalidCxxCompiler: {raised.value}"))
