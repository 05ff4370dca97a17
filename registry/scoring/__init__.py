"""Reading a version's manifest, inputs and artifact, and scoring with it: no Django, no database."""

import os

# From 1.29 on onnxruntime reports its use to its maker over the network, unless this is set before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
