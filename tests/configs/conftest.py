"""What configurations compute is known to OmegaConf, as it is to both entries."""

import humangen.entry  # noqa: F401
