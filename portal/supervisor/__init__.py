"""Starting the whole product on one machine, and stopping all of it."""
