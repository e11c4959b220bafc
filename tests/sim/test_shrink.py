"""What fails becomes small, and stays what it was."""

from raftwerk.sim.faults import draw_plan
from raftwerk.sim.plan import Fault, Plan, decode_plan, encode_plan
from raftwerk.sim.shrink import shrink


def plan_of(*kinds: str) -> Plan:
    faults = [Fault(at=float(at), kind=kind) for at, kind in enumerate(kinds)]
    return Plan(seed=3, faults=tuple(faults))


def test_only_the_faults_that_matter_are_left() -> None:
    def fails(plan: Plan) -> bool:
        kinds = [fault.kind for fault in plan.faults]
        return "crash" in kinds and "partition" in kinds and plan.nodes >= 3

    kinds = ["stall"] * 9 + ["crash"] + ["slow"] * 20 + ["partition"] + ["kill"] * 5
    small = shrink(plan_of(*kinds), fails)
    assert [fault.kind for fault in small.faults] == ["crash", "partition"]
    assert small.nodes == 3
    assert small.seconds == 31.0
    clients = (small.writers, small.bankers, small.holders, small.watchers)
    assert clients == (0, 0, 0, 0)


def test_what_needs_no_fault_has_none() -> None:
    small = shrink(plan_of("crash", "stall"), lambda plan: plan.writers >= 2)
    assert not small.faults
    assert small.writers == 3


def test_attempts_are_bounded() -> None:
    tried: list[Plan] = []

    def fails(plan: Plan) -> bool:
        tried.append(plan)
        return False

    plan = plan_of(*["crash"] * 50)
    assert shrink(plan, fails, attempts_max=17) == plan
    assert len(tried) == 17


def test_plan_in_a_file_is_the_same_plan() -> None:
    plan = draw_plan(9, faults="all")
    assert len(plan.faults) > 5
    text = encode_plan(plan)
    assert decode_plan(text, "kept.json") == plan
    assert text.count(b"\n") >= len(plan.faults), "one fault a line, for people"
    calm = draw_plan(9, faults="calm")
    assert decode_plan(encode_plan(calm), "kept.json") == calm
