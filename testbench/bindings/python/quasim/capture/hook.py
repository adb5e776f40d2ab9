"""One hook for every family: sees, and may replace, each convolution with its activation.

A modelling module either calls the functions causal_conv1d_fn and causal_conv1d_update, its own or those of the package of that name, or
the module conv1d and then the module act. The hook takes the place of the functions in the module and listens to both modules; which
convolution a call belongs to is told by the memory of its weight.
"""

import functools
import sys
from typing import Any, Callable, List, NamedTuple, Optional

from ..refusal import Refusal
from .sites import Site

FUNCTIONS = {"causal_conv1d_fn": False, "causal_conv1d_update": True}
SILU_NAMES = ("silu", "swish")


class Call(NamedTuple):
    """One call of a convolution and its activation. x and out are [B, C, L], in the model's own type; out is None where the function
    was not called because the handler stands in its place."""

    site: Site
    x: Any
    out: Any
    activation: str
    decode: bool  # one token, on top of a state


class Hook:
    """While it is entered, handler(call) is called after each convolution; what it returns, unless None, replaces out. With
    instead=True the handler stands in place of causal_conv1d_fn, which is not called then; modules and decode are called all the same."""

    def __init__(self, sites: List[Site], handler: Callable[[Call], Optional[Any]], instead: bool = False):
        self._sites = sites
        self._instead = instead
        self._by_weight = {}
        self._handler = handler
        self._undo = []
        self._length = {}  # time steps of the current call, by the module that owns the convolution
        self._pending = {}  # what conv1d put out and act has not taken yet, by its owner
        self.fired = {site.label: 0 for site in sites}

    def __enter__(self):
        self._by_weight = {site.conv.weight.data_ptr(): site for site in self._sites}
        for name in sorted({type(site.owner).__module__ for site in self._sites}):
            self._replace_functions(sys.modules[name])
        for site in self._sites:
            self._listen(site)
        return self

    def __exit__(self, *_):
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()

    def require_all(self):
        """Raises Refusal unless every convolution was seen."""
        silent = [label for label, count in self.fired.items() if count == 0]
        if silent:
            raise Refusal("model", "capture", f"calls of all {len(self.fired)} convolutions",
                          f"{len(self.fired) - len(silent)}: none of {', '.join(silent[:8])}; the model may run a fused kernel around them")

    def _replace_functions(self, module):
        for name, decode in FUNCTIONS.items():
            original = getattr(module, name, None)
            if original is None:
                continue
            setattr(module, name, self._wrapped(original, decode))
            self._undo.append(functools.partial(setattr, module, name, original))

    def _wrapped(self, original, decode):
        @functools.wraps(original)
        def wrapper(*arguments, **named):
            x = arguments[0] if arguments else named.get("x", named.get("hidden_states"))
            weight = named.get("weight", arguments[1 + decode] if len(arguments) > 1 + decode else None)
            site = None if weight is None else self._by_weight.get(weight.data_ptr())
            if site is None:
                return original(*arguments, **named)
            activation = named.get("activation", arguments[3 + decode] if len(arguments) > 3 + decode else None)
            if self._instead and not decode and not named.get("return_final_states"):
                return self._call(site, x, None, activation, decode)
            out = original(*arguments, **named)
            tensor = out[0] if isinstance(out, tuple) else out
            replaced = self._call(site, x, tensor, activation, decode)
            if replaced is None:
                return out
            return (replaced, *out[1:]) if isinstance(out, tuple) else replaced

        return wrapper

    def _call(self, site, x, out, activation, decode):
        """Hands one call to the handler. A state that stands in front of x is cut off where it is zeros: the contract's own start."""
        if activation not in (None, "identity", *SILU_NAMES):
            raise Refusal("model", site.path, "activation silu", activation)
        flat = x.dim() == 2
        steps = 1 if flat else self._length.get(id(site.owner), x.shape[-1])
        ahead = 0 if flat or decode else x.shape[-1] - steps
        if ahead < 0 or (ahead and bool(x[..., :ahead].any())):
            ahead = 0
        seen = None if out is None else (out.unsqueeze(-1) if flat else out)[..., ahead:]
        call = Call(site, (x.unsqueeze(-1) if flat else x)[..., ahead:], seen, "silu" if activation in SILU_NAMES else "identity", decode)
        self.fired[site.label] += 1
        replaced = self._handler(call)
        if replaced is None:
            return None
        if ahead:
            whole = x.new_zeros(x.shape) if out is None else out.clone()
            whole[..., ahead:] = replaced
            return whole
        return replaced.squeeze(-1) if flat else replaced

    # modules

    def _listen(self, site):
        handles = [site.conv.register_forward_hook(functools.partial(self._after_conv, site)),
                   listen_before(site.owner, functools.partial(self._before_owner, site))]
        act = getattr(site.owner, "act", None)
        if hasattr(act, "register_forward_hook"):
            handles.append(act.register_forward_hook(functools.partial(self._after_act, site)))
        self._undo.extend(handle.remove for handle in handles)

    def _before_owner(self, site, _module, arguments, named=None):
        self._length.pop(id(site.owner), None)
        hidden = arguments[0] if arguments else (named or {}).get("hidden_states")
        if getattr(hidden, "ndim", 0) == 3:
            self._length[id(site.owner)] = hidden.shape[1]

    def _after_conv(self, site, _module, arguments, output):
        if not hasattr(getattr(site.owner, "act", None), "register_forward_hook"):
            steps = arguments[0].shape[-1]
            replaced = self._call(site, arguments[0], output[..., :steps], None, False)
            return None if replaced is None else padded(replaced, output)
        self._pending[id(site.owner)] = (arguments[0], output)
        return None

    def _after_act(self, site, act, arguments, output):
        """act on the convolution's output, or a part of it, in either layout; other calls of the same module are not meant."""
        waiting = self._pending.get(id(site.owner))
        taken = arguments[0]
        if waiting is None or taken.data_ptr() != waiting[1].data_ptr() or taken.dim() != 3:
            return None
        x, raw = self._pending.pop(id(site.owner))
        turned = taken.shape[2] == raw.shape[1] and taken.stride()[2] == raw.stride()[1]
        channels_first = output.transpose(1, 2) if turned else output
        steps = min(x.shape[-1], channels_first.shape[-1])
        replaced = self._call(site, x[..., :steps], channels_first[..., :steps], type(act).__name__.lower().replace("activation", ""), False)
        if replaced is None:
            return None
        whole = padded(replaced, channels_first)
        return whole.transpose(1, 2) if turned else whole


def listen_before(module, hook):
    """A forward pre-hook that sees named arguments too, where torch has such hooks (from 2.0 on)."""
    try:
        return module.register_forward_pre_hook(hook, with_kwargs=True)
    except TypeError:
        return module.register_forward_pre_hook(hook)


def padded(values, like):
    """values [B, C, L] in a tensor as long as `like`; the model drops what is behind L."""
    if values.shape == like.shape:
        return values
    whole = like.clone()
    whole[..., : values.shape[-1]] = values
    return whole
