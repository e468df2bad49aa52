"""All nova-compute services in one process, one for each node of the cloud."""

from nova import monkey_patch  # noqa: F401, I001  # must be first: patches the standard library

import shlex
import sys

import nova.conf
import nova.db.main.api
import os_vif
from nova import config, objects, service, utils
from nova.compute import manager, rpcapi
from nova.conductor import rpcapi as conductor
from nova.objects import base
from nova.virt import driver
from oslo_log import log as logging
from oslo_privsep import priv_context

from hostler_world import settings
from hostler_world.plug.machines import BareMetal


def main() -> None:
    config.parse_args(sys.argv)
    logging.setup(nova.conf.CONF, 'nova')
    priv_context.init(root_helper=shlex.split(utils.get_root_helper()))
    objects.register_all()
    os_vif.initialize()
    nova.db.main.api.DISABLE_DB_ACCESS = True
    base.NovaObject.indirection_api = conductor.ConductorAPI()
    objects.Service.enable_min_version_cache()
    # Nova loads drivers from its own modules only.
    driver.load_compute_driver = lambda virtapi, name=None: BareMetal(virtapi)
    # All share one state directory, whose identity file would reject the second.
    manager.ComputeManager._ensure_existing_node_identity = lambda self, reference: None
    *others, last = [_compute(node) for node in settings.node_uids()]
    # A launcher's pool is limited to ten services. A service runs without a launcher, too.
    for compute in others:
        compute.start()
    service.serve(last)
    service.wait()


def _compute(node: str) -> service.Service:
    nova.conf.CONF.set_override('host', node)
    return service.Service.create(host=node, binary='nova-compute', topic=rpcapi.RPC_TOPIC)


if __name__ == '__main__':
    main()
