"""The training loop of `luce.nn.fit`, one concept a file.

``plan`` holds the options, ``schedules`` the learning rates, ``rows`` where the data come from,
``objective`` what is minimised, ``state`` all that changes from step to step, ``checkpoint`` how it
is kept, ``loop`` the loop itself.
"""
