# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What the nodes share: lifecycle with autostart, live parameters, one-line errors, /diagnostics.

Design: https://design.ros2.org/articles/node_lifecycle.html
"""

from __future__ import annotations

from collections.abc import Callable
import threading
import time
import traceback
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, KeyValue
from lifecycle_msgs.msg import State
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from pose_ros.core.config import named_fields
from pose_ros.diagnostics.findings import Finding, Level
from pose_ros.diagnostics.stream_checks import ClockFacts
from pose_ros.ros import parameters
from pose_ros.ros.diagnostics import (
    NODE_CHECKS,
    OK,
    LastingProblem,
    NodeChecks,
    Statistics,
    Throttle,
    diagnostic_array,
)

_DIAGNOSTICS_PERIOD_S = 1.0
_LOG_PERIOD_S = 5.0
_WARN_AFTER_S = 3.0  # a camera that starts later than the node, or a hiccup, is not worth a line
_WARN_PERIOD_S = 30.0


class StartError(RuntimeError):
    """A node cannot be configured or activated; the message says why and what to do."""


class ManagedNode(LifecycleNode):  # type: ignore[misc]
    """
    A managed node with the parameters of one config dataclass.

    A subclass overrides `configure`, `activate`, `deactivate`, `cleanup` and perhaps `apply`,
    `health` and `findings`. `configure` and `activate` raise StartError when they cannot do it:
    the node then stays where it was, says so in one line and on /diagnostics, and may be asked
    again.

    Attributes
    ----------
    config : dataclass
        The present parameters; replaced as a whole by a live update.
    statistics : Statistics
        Counters and durations for /diagnostics.
    finished : bool
        Set by a node that has nothing left to do; ends its process.
    exit_status : int
        Of the process, when it ends because of that.
    CHECKS : tuple of str
        The checks of `findings`, besides those that every node makes.
    """

    CHECKS: tuple[str, ...] = ()

    def __init__(self, name: str, config_class: type[Any], **kwargs: Any) -> None:
        """Declare the parameters; ParameterError when one cannot be taken."""
        self._checks = NodeChecks(self)
        super().__init__(name, **kwargs)
        self.statistics = Statistics()
        self.finished = False
        self.exit_status = 0
        self._throttle = Throttle()
        self._failure = ''
        self._busy = ''
        self._given_up = ''
        self._lasting = LastingProblem(_WARN_AFTER_S, _WARN_PERIOD_S)
        self._state = State.PRIMARY_STATE_UNCONFIGURED
        self._refuse_impossible_transitions()
        try:
            self.config = parameters.declare(self, config_class)
        except parameters.ParameterError:
            self.destroy_node()
            raise
        for line in parameters.unknown(self, self.config):
            self.get_logger().warning(line)
        self.add_on_set_parameters_callback(self._on_set)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # Steady: under use_sim_time a paused simulation must not silence the diagnostics.
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(
            _DIAGNOSTICS_PERIOD_S, self.publish_diagnostics, clock=self._steady_clock
        )

    # -- what a subclass fills in ---------------------------------------------------------------

    def configure(self) -> None:
        """Load what is slow to load; StartError when it cannot be."""

    def activate(self) -> None:
        """Begin to work; StartError when it cannot."""

    def deactivate(self) -> None:
        """Stop working; must also be safe half-way through `activate`."""

    def cleanup(self) -> None:
        """Free what `configure` loaded; must also be safe half-way through `configure`."""

    def apply(self, config: Any) -> None:
        """Take a live update while configured; ValueError refuses it with a reason."""

    def health(self) -> tuple[bytes, str]:
        """Return level and reason while active."""
        return OK, 'working'

    def findings(self, clock: ClockFacts) -> list[Finding]:
        """Return what the checks of this node find, once a second while active."""
        return []

    def details(self) -> list[KeyValue]:
        """Return more to show on /diagnostics."""
        return []

    # -- lifecycle ------------------------------------------------------------------------------

    def start(self) -> bool:
        """Configure and activate if `autostart` says so; return whether the node is as wanted."""
        if not self.config.autostart:
            return True
        success = TransitionCallbackReturn.SUCCESS
        return self.trigger_configure() == success and self.trigger_activate() == success

    @property
    def is_active(self) -> bool:
        """Whether the node works."""
        return bool(self._state == State.PRIMARY_STATE_ACTIVE)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Do not call: rclpy does."""
        return self._transition(self.configure, self.cleanup, State.PRIMARY_STATE_INACTIVE)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Do not call: rclpy does."""
        super().on_activate(state)
        return self._transition(self.activate, self.deactivate, State.PRIMARY_STATE_ACTIVE)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Do not call: rclpy does."""
        super().on_deactivate(state)
        if self._given_up:
            self._failure, self._given_up = self._given_up, ''
            self.get_logger().error(self._failure)
            return TransitionCallbackReturn.ERROR
        return self._transition(self.deactivate, None, State.PRIMARY_STATE_INACTIVE)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Do not call: rclpy does."""
        return self._transition(self.cleanup, None, State.PRIMARY_STATE_UNCONFIGURED)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Do not call: rclpy does."""
        return self._transition(self.release, None, State.PRIMARY_STATE_FINALIZED)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Do not call: rclpy does. Success brings the node back to unconfigured."""
        failure = self._failure
        done = self._transition(self.release, None, State.PRIMARY_STATE_UNCONFIGURED)
        self._failure = failure
        return done

    def release(self) -> None:
        """Stop and free everything, from any state."""
        self.deactivate()
        self.cleanup()

    def _transition(
        self, do: Callable[[], None], undo: Callable[[], None] | None, target: int
    ) -> TransitionCallbackReturn:
        try:
            do()
        except StartError as error:
            self._failure = str(error)
            self.get_logger().error(self._failure)
            if undo is not None:
                undo()
            return TransitionCallbackReturn.FAILURE
        except Exception:
            # rclpy would swallow it: a fault of ours must be seen.
            self._failure = traceback.format_exc().strip().splitlines()[-1]
            self.get_logger().error(traceback.format_exc())
            raise
        self._failure = ''
        self._state = target
        return TransitionCallbackReturn.SUCCESS

    def _refuse_impossible_transitions(self) -> None:
        """
        Answer a request for a transition that the present state does not have with False.

        rclpy (Humble to Kilted) lets RCLError out of the service callback: the node would die.
        """
        service = self._service_change_state
        original = service.callback

        def on_request(request: Any, response: Any) -> Any:
            wanted = request.transition
            known = [(t[0], t[1]) for t in self._state_machine.available_transitions]
            if any(wanted.label == label if wanted.label else wanted.id == number
                   for number, label in known):
                return original(request, response)
            self.complain(
                'refused_transitions',
                f'no transition {wanted.label or wanted.id} from the present state; possible: '
                + ', '.join(f'{label} ({number})' for number, label in known),
            )
            response.success = False
            return response

        service.callback = on_request

    def _on_set(self, given: list[Parameter]) -> SetParametersResult:
        is_configured = self._state != State.PRIMARY_STATE_UNCONFIGURED
        try:
            config = parameters.updated(self.config, given, is_configured)
            if is_configured:
                self.apply(config)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.config = config
        return SetParametersResult(successful=True)

    def set_parameters_atomically(self, parameter_list: list[Parameter]) -> SetParametersResult:
        """Set parameters, all or none; what rclpy refuses without naming it, is named."""
        known = named_fields(self.config)
        parameter_list = [
            parameters.coerced(known[p.name], p) if p.name in known else p for p in parameter_list]
        reason = parameters.refusal(self, self.config, parameter_list)
        if reason:
            return SetParametersResult(successful=False, reason=reason)
        return super().set_parameters_atomically(parameter_list)

    # -- what a subclass uses -------------------------------------------------------------------

    def complain(self, counter: str, line: str) -> None:
        """Count a fault and say it in one line, throttled."""
        self.statistics.counts[counter] += 1
        said = self._throttle.pass_(line, time.monotonic())
        if said is not None:
            self.get_logger().warning(said)

    def give_up(self, reason: str) -> None:
        """
        Go from active through error processing, which frees everything, to unconfigured.

        What went wrong is on /diagnostics from then on; the node may be configured again.
        """
        self._given_up = reason
        self.trigger_deactivate()

    def let_go(self, *names: str) -> None:
        """Destroy, or close, what these attributes hold, and set them to None."""
        destroy = (
            (Publisher, self.destroy_publisher), (Subscription, self.destroy_subscription),
            (Timer, self.destroy_timer), (Service, self.destroy_service))
        for name in names:
            held = getattr(self, name)
            if held is not None:
                next((do for kind, do in destroy if isinstance(held, kind)),
                     lambda thing: thing.close())(held)
            setattr(self, name, None)

    def wait_for(self, do: Callable[[], None], say: Callable[[], str]) -> None:
        """
        Do something slow on a thread of its own while /diagnostics goes on.

        Parameters
        ----------
        do : callable
            What it raises is raised here.
        say : callable
            Returns how far it is: published every second, and logged now and then.
        """
        raised: list[BaseException] = []

        def work() -> None:
            try:
                do()
            except BaseException as error:  # noqa: BLE001  raised again below
                raised.append(error)

        thread = threading.Thread(target=work, name='slow', daemon=True)
        thread.start()
        logged_s = time.monotonic()
        while True:
            thread.join(_DIAGNOSTICS_PERIOD_S)
            if not thread.is_alive():
                break
            self._busy = say()
            self.publish_diagnostics()
            if time.monotonic() - logged_s >= _LOG_PERIOD_S:
                logged_s = time.monotonic()
                self.get_logger().info(self._busy)
        self._busy = ''
        if raised:
            raise raised[0]

    def create_subscription(self, *args: Any, **kwargs: Any) -> Any:
        """Subscribe, as rclpy does, and listen for publishers whose QoS does not fit."""
        self._checks.listen(_topic_of(args, kwargs), kwargs, publishes=False)
        return super().create_subscription(*args, **kwargs)

    def create_publisher(self, *args: Any, **kwargs: Any) -> Any:
        """Publish, as rclpy does, and listen for subscriptions whose QoS does not fit."""
        self._checks.listen(_topic_of(args, kwargs), kwargs, publishes=True)
        return super().create_publisher(*args, **kwargs)

    def publish_diagnostics(self) -> None:
        """Publish state, findings, counters and latencies."""
        clock = self._checks.clock()
        found = self._state_findings() + self._checks.findings(clock)
        if self.is_active and not self._failure and not self._busy:
            found += self.findings(clock)
        self._warn(found)
        message = diagnostic_array(
            self.get_fully_qualified_name().lstrip('/'), found,
            self.details() + self._checks.values() + self.statistics.values(),
            (*NODE_CHECKS, *self.CHECKS),
        )
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _warn(self, found: list[Finding]) -> None:
        """Say on the console, now and then, what is worst for some time already."""
        # What the node itself could not do was said when it happened.
        line = self._lasting.line([f for f in found if f.check != 'node'], time.monotonic())
        if line:
            self.get_logger().warning(line)

    def _state_findings(self) -> list[Finding]:
        """Say when this node does not work, or does so badly."""
        name = self.get_fully_qualified_name()
        if self._busy:
            return [Finding(Level.WARN, 'node', 'busy', self._busy)]
        if self._failure:
            return [Finding(
                Level.ERROR, 'node', 'failed', self._failure,
                f'when that is mended: ros2 lifecycle set {name} configure, then activate')]
        if not self.is_active:
            return [Finding(
                Level.WARN, 'node', 'inactive', 'not active',
                f'ros2 lifecycle set {name} configure, then activate; or autostart: true')]
        level, reason = self.health()
        return [] if level == OK else [Finding(Level(ord(level)), 'health', 'unwell', reason)]


def _topic_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return str(args[1] if len(args) > 1 else kwargs['topic'])
