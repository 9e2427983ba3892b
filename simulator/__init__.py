"""A simulator of the Azure OpenAI Realtime API: both dialects over a real websocket, and no model behind it."""

from simulator.faults import Faults, read_scenario
from simulator.handshake import Handshake
from simulator.network import Network
from simulator.server import Simulator
from simulator.threads import run_in_thread

__all__ = ["Faults", "Handshake", "Network", "Simulator", "read_scenario", "run_in_thread"]
