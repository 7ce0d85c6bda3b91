"""The command `beeos-async`: a door that uses only what every user of the package has."""
