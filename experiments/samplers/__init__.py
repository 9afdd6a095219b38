"""`takeback samplers`: every published way to take back, side by side on networks that can revise and on plain ones."""
