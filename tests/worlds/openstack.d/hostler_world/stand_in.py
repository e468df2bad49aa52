"""The server hook that starts a host for each server, with the hardware of its node type unless a knob changes it."""

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from . import knobs
from .settings import AT, cloud, node_uids

Facts = dict[str, Any]
WORLDS = Path(__file__).parents[2]
HOSTS = AT / 'servers'
ENVIRONMENT = {**os.environ, 'HOSTLER_WORLD_DIR': str(HOSTS)}
# Chameleon's user on every image.
USER = 'cc'
# Share of the memory that firmware and kernel leave usable.
USABLE = 0.985
# Only these fields of os-release are read.
OS_NAMES = {'ubuntu': 'Ubuntu', 'centos': 'CentOS Stream'}

CLOUD_INIT = """\
#!/bin/sh
# Prints the result of the first boot in the form of `cloud-init status [--wait]`.
until [ -e /var/lib/cloud/status ]; do sleep 0.1; done
read -r state </var/lib/cloud/status
echo "status: $state"
[ "$state" = done ]
"""
FIRST_BOOT = """\
#!/bin/sh
state=done
for script in /var/lib/cloud/scripts/*; do
    [ -e "$script" ] || continue
    "$script" >>/var/log/cloud-init-output.log 2>&1 || state=error
done
read -r said </var/lib/cloud/said && state=$said
echo "$state" >/var/lib/cloud/status
"""


def main() -> None:
    match sys.argv[1]:
        case 'spawn':
            spawn(_said('SERVER_ID'))
        case 'destroy':
            destroy(_said('SERVER_ID'))
        case 'fip-attach':
            _reach(_said('FIP'))
            _change('nft', f'add element ip floating to {{ {_said("FIP")} : {_said("FIXED_IP")} }}')
        case 'fip-detach':
            _change('nft', f'delete element ip floating to {{ {_said("FIP")} : {_said("FIXED_IP")} }}')
            _change('ip', 'route', 'delete', f'{_said("FIP")}/32')


def spawn(server: str) -> None:
    place = _place(server)
    shutil.rmtree(place, ignore_errors=True)
    facts = _facts()
    write_facts(place, facts)
    keys = [_said('SERVER_KEY'), *first_boot(place / 'root', facts)]
    (place / 'keys').write_text('\n'.join(filter(None, keys)) + '\n')
    _hosts('add', server, _said('SERVER_IP'), '--user', USER, '--key', str(place / 'keys'),
           '--hostname', _said('SERVER_NAME'), '--facts', str(place))
    _reach(_said('SERVER_IP'))
    first = (HOSTS / 'hosts/hosts' / server / 'init').read_text().strip()
    # Runs in the background: a machine's first boot continues after the server is ACTIVE.
    _hosts('run', 'setsid', '--fork', 'nsenter', '--target', first, '--all', 'env', '-i',
           'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', '/var/lib/cloud/first-boot')


def destroy(server: str) -> None:
    if (HOSTS / 'hosts/hosts' / server / 'host').exists():
        _hosts('remove', server)
        _change('ip', 'route', 'delete', f'{_said("SERVER_IP")}/32')
    shutil.rmtree(_place(server), ignore_errors=True)


def _place(server: str) -> Path:
    return HOSTS / 'facts' / server


def _said(name: str) -> str:
    return os.environ.get(f'WORLD_{name}', '')


def _hosts(*words: str) -> None:
    done = subprocess.run(
        [WORLDS / 'hosts', *words], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr.strip() or f'hosts {words[0]}: exit status {done.returncode}')


def _reach(address: str) -> None:
    """Routes one address to the world of the hosts. A route for a subnet would cover other networks of the cloud."""
    router = (HOSTS / 'hosts/uplink').read_text().split()[1]
    _change('ip', 'route', 'replace', f'{address}/32', 'via', router)


def _change(*command: str) -> None:
    # Adding or removing an address twice is not an error.
    subprocess.run(command, stdin=subprocess.DEVNULL, check=False)


# ---- reported hardware ---------------------------------------------------------------------------------------


def _facts() -> Facts:
    """Facts of the node type and the image, overridden by knobs and metadata."""
    node = cloud()['nodes'][node_uids().index(_said('SERVER_NODE'))]
    image = json.loads(_said('SERVER_IMAGE_PROPERTIES') or '{}')
    lies = knobs.lies(_said('SERVER_NAME'), json.loads(_said('SERVER_METADATA') or '{}'))
    return {**cloud()['node_types'][node['type']], **image, **lies}


def write_facts(place: Path, facts: Facts) -> None:
    """Writes files in the kernel's formats, for `hosts add --facts`."""
    place.mkdir(parents=True)
    (place / 'cpuinfo').write_text(''.join(_processor(index, facts) for index in range(facts['threads'])))
    total = int((facts['ram_gib'] << 20) * USABLE)
    (place / 'meminfo').write_text(
        f'MemTotal:       {total} kB\nMemFree:        {total * 9 // 10} kB\nMemAvailable:   {total * 95 // 100} kB\n')
    for index, size in enumerate(facts['disks']):
        disk = place / 'block' / f'sd{chr(ord("a") + index)}'
        disk.mkdir(parents=True)
        (disk / 'size').write_text(f'{size // 512}\n')
        (disk / 'removable').write_text('0\n')
    _device(place / 'pci/0000:02:00.0', 0x8086, 0x1572, 0x020000)
    gpu = facts.get('gpu')
    if gpu is None:
        return
    for index in range(gpu['count']):
        vendor, device = (int(part, 16) for part in gpu['pci_id'].split(':'))
        _device(place / f'pci/0000:{0x3b + index:02x}:00.0', vendor, device, 0x030200)


def _processor(index: int, facts: Facts) -> str:
    cores = facts['threads'] // facts['sockets'] // 2 or 1
    model = facts['processor']
    return (
        f'processor\t: {index}\nvendor_id\t: {"AuthenticAMD" if model.startswith("AMD") else "GenuineIntel"}\n'
        f'model name\t: {model}\ncpu MHz\t\t: {facts["clock_speed"] / 1e6:.3f}\nphysical id\t: {index % facts["sockets"]}\n'
        f'siblings\t: {facts["threads"] // facts["sockets"]}\ncore id\t\t: {index // facts["sockets"] % cores}\n'
        f'cpu cores\t: {cores}\n\n')


def _device(place: Path, vendor: int, device: int, kind: int) -> None:
    place.mkdir(parents=True)
    (place / 'vendor').write_text(f'0x{vendor:04x}\n')
    (place / 'device').write_text(f'0x{device:04x}\n')
    (place / 'class').write_text(f'0x{kind:06x}\n')
    (place / 'irq').write_text('0\n')
    (place / 'resource').write_text('0x0000000000000000 0x0000000000000000 0x0000000000000000\n' * 7)
    header = vendor.to_bytes(2, 'little') + device.to_bytes(2, 'little') + bytes(5) + kind.to_bytes(3, 'little')
    (place / 'config').write_bytes(header.ljust(64, b'\0'))


# ---- first boot -------------------------------------------------------------------------------------------------


def first_boot(root: Path, facts: Facts) -> list[str]:
    """Writes the files laid over the host's root file system and returns additional keys that may log in.

    Replaces cloud-init: runs user data that is a script, and applies the keys of a cloud-config that the README lists.
    """
    name, version = facts.get('os_distro', 'ubuntu'), facts.get('os_version', '22.04')
    text = OS_NAMES.get(name, name)
    _write(root / 'usr/lib/os-release', f'ID={name}\nNAME="{text}"\nVERSION_ID="{version}"\nPRETTY_NAME="{text} {version}"\n')
    _write(root / 'etc/machine-id', _said('SERVER_ID').replace('-', '') + '\n', 0o444)
    _write(root / 'usr/bin/cloud-init', CLOUD_INIT, 0o755)
    _write(root / 'var/lib/cloud/first-boot', FIRST_BOOT, 0o755)
    _write(root / 'var/lib/cloud/said', str(facts.get('cloud_init', '')))
    user_data = base64.b64decode(_said('SERVER_USER_DATA_B64')).decode()
    _write(root / 'var/lib/cloud/instance/user-data.txt', user_data, 0o600)
    if user_data.startswith('#!'):
        _write(root / 'var/lib/cloud/scripts/user-data', user_data, 0o755)
    elif user_data.startswith('#cloud-config'):
        return _cloud_config(root, yaml.safe_load(user_data) or {})
    return []


def _cloud_config(root: Path, config: dict[str, Any]) -> list[str]:
    for file in config.get('write_files', []):
        mode = int(str(file.get('permissions', '0644')), 8)
        content = file.get('content', '')
        if file.get('encoding') in ('b64', 'base64'):
            content = base64.b64decode(content).decode()
        _write(root / file['path'].lstrip('/'), content, mode)
    for kind, key in config.get('ssh_keys', {}).items():
        algorithm, half = kind.rsplit('_', 1)
        suffix, mode = ('', 0o600) if half == 'private' else ('.pub', 0o644)
        _write(root / f'etc/ssh/ssh_host_{algorithm}_key{suffix}', key if key.endswith('\n') else f'{key}\n', mode)
    commands = [*config.get('bootcmd', []), *config.get('runcmd', [])]
    lines = [line if isinstance(line, str) else ' '.join(f"'{word}'" for word in map(str, line)) for line in commands]
    if lines:
        _write(root / 'var/lib/cloud/scripts/runcmd', '\n'.join(['#!/bin/sh', *lines, '']), 0o755)
    users = [user for user in config.get('users', []) if isinstance(user, dict)]
    return [key for of in [config, *users] for key in of.get('ssh_authorized_keys', [])]


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


if __name__ == '__main__':
    main()
