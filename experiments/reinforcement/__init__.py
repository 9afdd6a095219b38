"""`takeback reinforcement`: does an estimated likelihood hurt the trained policy, or only the estimate?"""
