"""Runs to look at: `takeback report`, one page in one file that plays a run's traces back.

payload     a run's folder as plain data: puzzles, traces, what the oracle says of every state
build       that data put into the built page
app/        the page's sources (TypeScript, Preact); built/ is what `npm run build` makes of them
"""
