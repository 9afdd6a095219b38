"""Instances and traces as text and files.

instance_records.py and trace_records.py: JSON Lines and Parquet (json_values.py has what they share); board_text.py:
lines and grids of symbols; shipped_sets.py: the sets in csp/instances/; files.py: whole or not at all. Formats of other
programs live in experiments/puzzle_files/.
"""
