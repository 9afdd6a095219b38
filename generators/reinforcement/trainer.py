"""Learning from a checker's rewards: rollouts, an update, again; a run that was stopped goes on as if it had not been.

    >>> reinforce(ReinforceConfig(start="net.safetensors", family="sudoku6"), training, held_out, path, print).curve

Each update draws puzzles, writes a group of fillings of each, and lowers an objective. Every draw is a hash of the seed
and the update. The weights stay in float32. What is kept beside the weights: pass@1 on held-out puzzles and the states
that the network had read by then.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from csp.errors import BadInput
from csp.problem import Instance
from csp.seeds import key, stream
from generators import checkpoint
from generators.boards import Boards, stack
from generators.decoding.spec import parse
from generators.likelihood.estimators import estimators
from generators.likelihood.order_policies import ORDERS
from generators.likelihood.rollouts import groups
from generators.models.autoregressive import Autoregressive
from generators.reinforcement.heads import save_head
from generators.reinforcement.objectives import OBJECTIVES
from generators.reinforcement.order_head import LearnedOrder, OrderHead
from generators.reinforcement.policies import AutoregressivePolicy, DiffusionPolicy, Fillings, Policy
from generators.reinforcement.retraction_head import LearnedRetraction, RetractionHead
from generators.training.resume import RESUME, WeightTracker, load_state, save_state
from generators.weights.masks import read_masks

BETAS = (0.9, 0.98)
CLIP = 1.0  # the longest gradient
LEARNED = ("weights", "order", "retraction")
BACKWARD = 3  # reading a state forwards and backwards, in readings forwards


@dataclass(frozen=True)
class ReinforceConfig:
    """What a run depends on.

    start: a checkpoint. method: of OBJECTIVES; supervised learns from solutions that are given. likelihood: the
    estimator, of a diffusion network; an AR network's is exact. order: of ORDERS, in which a diffusion network writes.
    learn: the network's weights; or, of a frozen network, the order (order_head.py), or what is taken back when
    (retraction_head.py) by `decoder`; the likelihood of both is exact.
    shuffled: rewards are dealt out anew within each update, which leaves nothing to learn. only: a file of masks
    (weights/masks.py); all other weights stay as they are.
    """

    start: str
    family: str
    method: str = "grpo"
    likelihood: str = "elbo-count-4"
    order: str = "confidence"
    learn: str = "weights"
    decoder: str = "net:order=confidence,veto=legal,retraction=learned,temperature=1,calls=100"
    shuffled: bool = False
    updates: int = 100
    puzzles: int = 16  # an update
    group: int = 8  # fillings of each
    lr: float = 3e-4
    weight_decay: float = 0.0
    only: str = ""
    seed: int = 0
    validate_every: int = 10
    validation_samples: int = 8  # fillings of each held-out puzzle

    def __post_init__(self) -> None:
        """Raises BadInput for words that do not exist and numbers that no run can have."""
        if self.method not in OBJECTIVES:
            raise BadInput(f"method {self.method!r} is none of {', '.join(OBJECTIVES)}")
        if self.order not in ORDERS:
            raise BadInput(f"order {self.order!r} is none of {', '.join(ORDERS)}")
        if self.likelihood not in estimators(ORDERS[self.order]):
            raise BadInput(f"likelihood {self.likelihood!r} is none of {', '.join(estimators(ORDERS[self.order]))}")
        if self.learn not in LEARNED:
            raise BadInput(f"learn {self.learn!r} is none of {', '.join(LEARNED)}")
        if parse(self.decoder).retraction != "learned":
            raise BadInput(f"decoder {self.decoder} takes nothing back by a learned rule: retraction=learned")
        if self.learn == "retraction" and self.method == "supervised":
            raise BadInput("nobody can say what was to be taken back: learn=retraction goes with rewards")
        for name in ("updates", "puzzles", "group", "validate_every", "validation_samples"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name)}; it is at least 1")
        if self.only and self.weight_decay:
            raise BadInput("only and weight_decay: weights outside the masks would decay")
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise BadInput("lr is a finite number above 0")


@dataclass(frozen=True, eq=False)
class Outcome:
    """policy: as it has become. curve: update, states read by then, pass@1 on held-out puzzles."""

    policy: Policy
    curve: list[list]


def policy_of(config: ReinforceConfig, model: nn.Module) -> Policy:
    """The network as a policy; what it learns has gradients, and nothing else. Raises BadInput for an order that an AR
    network is to learn.
    """
    model.requires_grad_(config.learn == "weights")
    if config.learn == "retraction":
        torch.manual_seed(key("retraction head", config.seed) % 2**63)
        return LearnedRetraction(model.eval(), RetractionHead(), parse(config.decoder))
    if isinstance(model, Autoregressive):
        if config.learn == "order":
            raise BadInput(f"{model.name}: an autoregressive network has its order; learn=order goes with diffusion")
        return AutoregressivePolicy(model)
    if config.learn == "order":
        torch.manual_seed(key("order head", config.seed) % 2**63)
        return LearnedOrder(model, OrderHead(model.backbone.config.d))
    order = ORDERS[config.order]
    return DiffusionPolicy(model, order, estimators(order)[config.likelihood])


def reinforce(
    config: ReinforceConfig,
    training: Sequence[Instance],
    held_out: Sequence[Instance],
    path: Path,
    report: Callable[[dict], None],
) -> Outcome:
    """Train, resuming from path's state if there is one, and write the checkpoint, or the order head, at path.

    training, held_out: puzzles of one family, with witnesses. report: called after every update. Raises BadInput for a
    path that holds the state of another run, and a loss that is no number.
    """
    start = checkpoint.load(Path(config.start), config.family, dtype=torch.float32)
    policy, reference = policy_of(config, start.model), policy_of(config, copy.deepcopy(start.model))
    model = policy.model
    named = dict(model.named_parameters())
    masks = read_masks(Path(config.only), named) if config.only else {}
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.lr, betas=BETAS, weight_decay=config.weight_decay)
    tracker, resume = WeightTracker(0.0, False, named), path.with_suffix(RESUME)
    state = load_state(asdict(config), model, optimiser, tracker, resume)
    state.setdefault("read", 0)  # states, of which those with gradients count BACKWARD times
    if "curve" not in state:
        state["curve"] = [[0, 0, pass_at(1, evaluate(policy, held_out, config.validation_samples), config)]]

    for update in range(state.get("update", 0), config.updates):
        rng = stream("reinforcement", config.seed, update)
        chosen = [training[index] for index in rng.choice(len(training), config.puzzles)]
        boards = stack(chosen, "reinforcement", update)
        filled, read = fillings(config, policy, boards, update, rng)
        rewards = rewards_of(boards, filled)
        dealt = rng.permutation(rewards) if config.shuffled else rewards
        loss = OBJECTIVES[config.method](policy, reference, boards, filled, dealt, rng)
        optimiser.zero_grad()
        loss.backward()
        for name, mask in masks.items():
            if (gradient := named[name].grad) is not None:
                gradient.mul_(mask)
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()

        k = boards.free(filled.rows).sum(1)
        state["read"] += read + BACKWARD * sum(policy.forwards(int(cells)) for cells in k)
        news = {"update": update + 1, "loss": loss.item(), "reward": float(rewards.mean())}
        if not math.isfinite(news["loss"]):
            raise BadInput(f"update {update + 1}: the loss is {news['loss']}; a lower --lr may help")
        if (update + 1) % config.validate_every == 0 or update + 1 == config.updates:
            news["validation"] = pass_at(1, evaluate(policy, held_out, config.validation_samples), config)
            state["curve"].append([update + 1, state["read"], news["validation"]])
            state["update"] = update + 1
            save_state(asdict(config), model, optimiser, tracker, state, resume)
        report(news)

    card = {
        **start.card,
        "reinforcement": asdict(config),
        "started from": start.card["sha256"],
        "rewards": {"columns": ["update", "states read", "pass@1"], "rows": state["curve"]},
    }
    if isinstance(model, OrderHead | RetractionHead):
        save_head(model, path, card)
    else:
        checkpoint.save(model, path, card)
    resume.unlink(missing_ok=True)
    return Outcome(policy, state["curve"])


def fillings(
    config: ReinforceConfig, policy: Policy, boards: Boards, update: int, rng: np.random.Generator
) -> tuple[Fillings, int]:
    """(fillings, states read for them): a group of each board's by the policy; of the supervised method the board's own
    solution, in random orders.
    """
    if config.method != "supervised":
        rows, keys = groups(boards, config.group, config.seed, update)
        filled = policy.roll_out(boards, rows, keys)
        return filled, filled.read
    rows = np.repeat(np.arange(len(boards)), config.group)
    free = boards.free(rows)
    place = np.where(free, rng.random(free.shape), np.inf).argsort(1).argsort(1)
    return Fillings(rows, boards.witnesses[rows], np.where(free, place + 1, 0)), 0


def rewards_of(boards: Boards, filled: Fillings) -> Float[np.ndarray, " rows"]:
    """1 for each filling that the checker is content with, else 0."""
    solved = [
        boards.instances[row].solved(values[: boards.instances[row].problem.n])
        for row, values in zip(filled.rows, filled.values)
    ]
    return np.array(solved, dtype=float)


def evaluate(
    policy: Policy, instances: Sequence[Instance], samples: int, seed: object = "validation"
) -> Int[np.ndarray, " instances"]:
    """How many of so many fillings of each puzzle are right."""
    boards = stack(instances, "evaluation")
    rows, keys = groups(boards, samples, seed)
    rewards = rewards_of(boards, policy.roll_out(boards, rows, keys))
    return rewards.reshape(len(instances), samples).sum(1).astype(np.int64)


def pass_at(k: int, right: Int[np.ndarray, " instances"], samples: int | ReinforceConfig) -> float:
    """The chance that one of k fillings is right, mean over puzzles, estimated without bias from more of them:
    1 - C(n - c, k) / C(n, k) (Chen et al. 2021).
    """
    n = samples if isinstance(samples, int) else samples.validation_samples
    missed = [math.comb(n - int(c), k) / math.comb(n, k) for c in right]
    return float(1 - np.mean(missed))
