"""The machinery of commands that run for long.

decoder_catalogue.py   the rows, by name            loaded_models.py   their networks, in every process
run.py                 one choreography             shards.py          work cut by time, named by content
executors.py           where it runs                progress.py        how far it is
folder.py              whose a folder is            store.py           what is finished
"""
