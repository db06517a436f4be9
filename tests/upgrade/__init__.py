"""`make upgrade-drill`: the platform of an earlier release is upgraded under load, and rolled back.

release.py    an earlier release from the project's history, with an environment of its own
platform.py   the services as processes, each of either release
load.py       payments at a steady rate
drill.py      the steps
results.py    what must be true at the end
"""
