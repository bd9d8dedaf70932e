import os

import greeting

print(greeting.hello("stages"), f"uid={os.getuid()}")
