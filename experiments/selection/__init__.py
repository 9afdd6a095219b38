"""`takeback selection`: does choosing 5 % of the data by gradients beat all of it, and at what cost?"""
