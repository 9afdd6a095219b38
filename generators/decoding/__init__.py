"""The one decode loop, and one file each for order, veto, retraction and signal."""
