"""Instances and traces as text and files: records, board text, shipped sets, atomic writes."""
