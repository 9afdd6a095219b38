"""A run of `takeback selection` as tables of a kept run: one a target and kind of network, one of masks."""

from __future__ import annotations

from experiments.selection.summary import AGAINST, share_of_pool

COLUMNS = {
    "solved": "solved %",
    "loss": "loss, nats",
    "against random": "less random, points",
    "against the pool": "less the pool at equal updates, points",
    "against the pool, epochs": "less the pool at equal epochs, points",
    "of the skill": "of the skill %",
    "spoiled": "spoiled %",
    "different": "different puzzles %",
}


def tables(card: dict) -> list[tuple]:
    """(name, title, n, head, columns, rows, notes) of each."""
    summary = card["summary"]
    made = []
    for number, study in enumerate(summary["studies"]):
        heads = [(key, head, "number" if key == "loss" else "share") for key, head in COLUMNS.items()]
        heads[2:2] = [(f"solved, {one}", f"solved, {one} guesses %", "share") for one in study["strata"]]
        heads += [
            (figure, head, "text") for figure, head in (("p", "p"), ("choosing", "choosing"), ("training", "training"))
        ]
        strata = ", ".join(f"{many} of {one} guesses" for one, many in study["strata"].items())
        title = (
            f"{study['target']}, {study['kind']}: {study['chosen']:,} of {study['pool']:,} items chosen, trained on "
            f"for {study['epochs']} epochs; {study['seeds']} networks, {study['tests']} puzzles ({strata}). p: of a "
            "paired test against random, the pool at equal updates and at equal epochs. Choosing, training: FLOPs, in "
            "trainings on the full pool at equal epochs"
        )
        rows = []
        for name, row in study["ways"].items():
            figures = {key: row[key] for key, _, form in heads if form != "text" and row.get(key) is not None}
            choosing, training = share_of_pool(row, study)
            tested = [f"{row[f'{one}, p']:.2g}" if f"{one}, p" in row else "-" for one in AGAINST]
            texts = {"p": ", ".join(tested), "choosing": f"{choosing:.3g}", "training": f"{training:.3g}"}
            rows.append({"name": name, "figures": figures | texts})
        notes = [f"- {sentence}" for sentence in summary["verdicts"]] if number == len(summary["studies"]) - 1 else []
        made.append((f"{study['target']}, {study['kind']}", title, study["n"], "trained on", heads, rows, notes))
    if summary["masks"]:
        heads = [("rank correlation", "rank correlation", "number"), ("top in common", "top 5 % in common, %", "share")]
        rows = [
            {
                "name": f"{one['kind']}, {one['masks']}, {one['draws']}",
                "figures": {key: one[key] for key, _, _ in heads},
            }
            for one in summary["masks"]
        ]
        n = summary["masks"][0]["rank correlation"]["n"]
        made.append(("masks", "Two rankings that differ in their masks alone", n, "masks an item", heads, rows))
    return made
