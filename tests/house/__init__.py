"""The house: rules of the whole project, each with a proof that it can be broken."""
