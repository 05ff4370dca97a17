"""The production pointer: releases, the rollback that is always armed, and what was live when."""
