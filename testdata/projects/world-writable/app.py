import os

with open("state", "w") as state:
    state.write("state is kept")
print(open("/app/data/state").read(), f"uid={os.getuid()}")
