"""OR-Tools' CP-SAT as a row of the table: one call, the whole solution."""

from __future__ import annotations

from csp.problem import Instance
from csp.trace import Costs, Trace, rewrites
from solvers.oracles.base import Undecided


def cp_sat(instance: Instance, seed: int) -> Trace:
    """One CP-SAT solve. Ends "refuted" if there is no solution, "out of budget" if that stayed undecided."""
    from solvers.oracles.cp_sat import CpSat  # OR-Tools: a second that most commands do not need

    # no proof within the limit is not a proof that there is no solution
    try:
        solution = CpSat(instance).solve()
    except Undecided:
        return Trace(instance.id, "cp-sat", seed, (), "out of budget", Costs(1))
    if solution is None:
        return Trace(instance.id, "cp-sat", seed, (), "refuted", Costs(1))

    # its inner steps are not seen, so the whole solution is one call's commits
    assert instance.solved(solution), "the checker found CP-SAT's solution wrong"
    return Trace(instance.id, "cp-sat", seed, tuple(rewrites(instance.givens, solution, 1)), "solved", Costs(1))
