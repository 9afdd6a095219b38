"""`takeback conform`: the properties of takeback's own solvers, models and traces, run on somebody else's.

    takeback conform solver my_solver.py:solve
    takeback conform model mypackage:Model
    takeback conform traces traces.jsonl --instances puzzles.jsonl

Where things live:
    solver.py, model.py, traces.py      the command lines; targets.py finds what MODULE:NAME names
    harness.py, report.py               a Property, hypothesis that looks for a counterexample; what is said of it
    solver_properties.py                what every solver must do; answers.py: how it is called, what it may answer
    model_properties.py                 what every model must do, asked by itself and decoded by any decoder
    decoder_properties.py               what the traces of a decoder must be
    guarded_model.py                    its exceptions, told apart from ours
    trace_properties.py                 what every trace must do
    cases.py                            puzzles and batches as one word for --replay, and drawn for people
    strategies.py, decoder_strategies.py    what is drawn
    brute_force.py                      all solutions of small problems, by trying everything
    faulty.py                           planted faulty solvers, which must be caught

To add a property: a function of (subject, case) that returns what it found, and a Property in its file's table; the
tests of this project's own solvers and models run it without further code. In test suites: takeback.testing.
"""

from importlib.util import find_spec

from csp.errors import BadInput

if find_spec("hypothesis") is None:
    raise BadInput("takeback conform needs hypothesis: pip install 'takeback[conform]'")
