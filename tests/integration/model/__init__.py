"""The transition scripts against a reference model, over random histories of a whole system.

    presence.py    the model: the rules of presence, as DESIGN has them and nothing besides. Start here
    epochs.py      its part about lost data; kinds.py  what both speak of
    edges.py       an edge as ws-edge plays it: leases, numbers, floors, what is resent
    operations.py  what may happen, as hypothesis draws it
    world.py       edges, the network between, time: turns what happens into calls of scripts, and says of each what the
                   model expects
    scripts.py     a private Redis with the real scripts in it, and the one thing that is not real: their clock
    agreement.py   whether what Redis answered and holds is what the model says
    mutations.py   the scripts broken, one line at a time: the tests must notice

The model never asks Redis. So a whole history is played against the model first, then runs through Redis in one
pipeline, and the two are compared call by call: thousands of histories a minute, and a failure is a short one.
"""
