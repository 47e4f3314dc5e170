#!/bin/sh
# ToSlave: this node is not, or no longer, the owner. Removes the address of vip.conf; not there is well removed.
set -eu
# shellcheck source=examples/vip-switch/vip.sh
. "${VIP_SWITCH_DIR:-/etc/vip-switch}/vip.sh"

read_vip_conf
unbind_vip
