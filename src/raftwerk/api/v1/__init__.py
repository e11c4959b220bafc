"""The documented API, version 1: with a schema, an envelope, and a page to try it.

One file a family of routes: its models, and a ``router`` with a prefix and a tag of the
family's name. Of ``/kv``, the largest, the models are in `kv_models`, and what the
routes do in `kv_answers`. `app` includes them all. A route

- is a function of its module, and asks for the member by a parameter of type
  `dependencies.Context`;
- returns an ``Envelope`` of a model whose fields have descriptions and examples;
- raises `raftwerk.errors.RequestError`, or ``HTTPException`` where HTTP itself is
  meant: `app` puts either into the envelope of errors;
- names the errors that are its own by ``responses=refusals(404, 409)``; those that any
  route may have are documented for all;
- has an ``operation_id`` and a ``summary``, and a docstring for people who use it.

Nothing here is imported before it is asked for: FastAPI takes longer to import than the
rest of a node takes to start. So this package's own ``__init__`` imports nothing.
"""
