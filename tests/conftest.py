"""Hypothesis settings and the fixtures that several folders use."""

import os
import sys

import hypothesis
import pytest
import quick_checks  # noqa: F401 (before the packages that it checks)

# Workers and the commands that tests start would compile every module anew where Python was told to keep no bytecode.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

pytest_plugins = ["takeback.testing"]  # what is installed as a plugin for everybody; here from this checkout
hypothesis.settings.register_profile("fast", max_examples=60, deadline=None, derandomize=True)
hypothesis.settings.register_profile("slow", max_examples=2000, deadline=None)
hypothesis.settings.register_profile("mutants", max_examples=25, deadline=None, derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores: a thread each
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def alone():
    """A command starts processes where a test says how many, not because it takes long while others use the cores."""
    from experiments.engine import executors

    executors.PATIENCE = float("inf")


@pytest.fixture(scope="session")
def tiny_language_model(tmp_path_factory):
    """The folder of an untrained causal language model."""
    from tiny_language_models import folder

    return folder(tmp_path_factory.mktemp("language") / "causal")


@pytest.fixture(scope="session")
def tiny_models(tiny_language_model):
    """Untrained networks that read sudoku4 and one that reads 3-colourings: decoding must conform all the same."""
    import torch  # not above: xdist's controller reads this file too, and waits for it before its workers start

    from generators import checkpoint
    from generators.models.backbone_config import BackboneConfig
    from generators.models.backtracking_ar import vocabulary
    from generators.models.hugging_face.network import hugging_face
    from generators.models.uniform import Uniform

    torch.manual_seed(0)

    def build(kind, d, cells):
        words = vocabulary(d) if kind == "ar-written" else {}
        config = BackboneConfig(d, cells, dim=16, heads=2, blocks=1, loops=2, **words)
        model = checkpoint.network_class(kind)(config, kind)
        return model.double().eval().requires_grad_(False)

    return {
        family: {
            "uniform": Uniform(),
            "hf": hugging_face(tiny_language_model),
            "net": build("net:workspace=none,reading=cached,supervision=blanks", d, cells),
            **{kind: build(kind, d, cells) for kind in checkpoint.KINDS},
        }
        for family, d, cells in (("sudoku4", 4, 16), ("colouring", 3, 50))
    }


@pytest.fixture(scope="session")
def few(certified_puzzles):
    """A few certified instances a family."""
    return certified_puzzles
