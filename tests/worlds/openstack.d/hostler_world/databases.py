"""Databases of the services: created, saved after seeding, and restored to that state."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pymysql

from .config import database
from .services import VENV
from .settings import AT, DATABASE_SOCKET, DATABASES, ETC, KEYSTONE, LOG, cloud

# Contains a copy of every table with rows in the seed.
SEED = 'seed'
# Tables that services update on their own, such as heartbeats.
OWN = {'nova.services', 'nova.compute_nodes', 'nova_cell0.services'}
IGNORED = {'updated_at', 'generation', 'revision_number'}
# Blazar moves hosts between aggregates, with a new id each time.
RENUMBERED = {'nova_api.aggregate_hosts': {'id', 'created_at'}}


def install() -> None:
    subprocess.run(
        ['mariadb-install-db', '--no-defaults', '--user=root', f'--datadir={AT}/database', '--skip-test-db',
         '--auth-root-authentication-method=normal', '--innodb-log-file-size=32M'],
        check=True, stdout=(LOG / 'mariadb-install.log').open('wb'), stderr=subprocess.STDOUT)


def schemas() -> None:
    """Creates all tables, which takes a minute. Runs two chains in parallel, for two cores."""
    with connect() as db:
        for name in DATABASES:
            db.cursor().execute(f'CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb3')
    with ThreadPoolExecutor() as pool:
        for chain in [pool.submit(_nova), pool.submit(_others)]:
            chain.result()


def _nova() -> None:
    manage = [f'{VENV}/bin/nova-manage', '--config-file', f'{ETC}/nova.conf']
    _run('nova', *manage, 'api_db', 'sync')
    _run('nova', *manage, 'cell_v2', 'map_cell0', '--database_connection', database('nova_cell0'))
    _run('nova', *manage, 'cell_v2', 'create_cell', '--name', 'cell1')
    _run('nova', *manage, 'db', 'sync')


def _others() -> None:
    _keystone()
    _run('placement', f'{VENV}/bin/placement-manage', '--config-file', f'{ETC}/placement.conf', 'db', 'sync')
    _run('glance', f'{VENV}/bin/glance-manage', '--config-file', f'{ETC}/glance.conf', 'db_sync')
    _run('blazar', f'{VENV}/bin/blazar-db-manage', '--config-file', f'{ETC}/blazar/blazar.conf', 'upgrade', 'head')
    _run('neutron', f'{VENV}/bin/neutron-db-manage', '--config-file', f'{ETC}/neutron.conf', 'upgrade', 'head')


def _keystone() -> None:
    for name in ['tokens', 'credentials']:
        (AT / 'keys' / name).mkdir(parents=True, mode=0o700)
    manage = [f'{VENV}/bin/keystone-manage', '--config-file', f'{ETC}/keystone.conf']
    owner = ['--keystone-user', 'root', '--keystone-group', 'root']
    _run('keystone', *manage, 'db_sync')
    _run('keystone', *manage, 'fernet_setup', *owner)
    _run('keystone', *manage, 'credential_setup', *owner)
    _run('keystone', *manage, 'bootstrap', '--bootstrap-public-url', KEYSTONE.public, '--bootstrap-region-id', cloud()['region'],
         '--bootstrap-internal-url', KEYSTONE.internal, '--bootstrap-admin-url', KEYSTONE.internal,
         OS_BOOTSTRAP_PASSWORD=cloud()['password'])


def _run(name: str, *command: str, **environment: str) -> None:
    log = LOG / f'{name}-schema.log'
    with log.open('ab') as out:
        done = subprocess.run(command, env={**os.environ, **environment}, stdout=out, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise RuntimeError(f'`{" ".join(command[:4])} …` failed: {log.read_text()[-2000:]}')


def connect() -> pymysql.Connection:
    return pymysql.connect(unix_socket=str(DATABASE_SOCKET), user='root', charset='utf8', autocommit=True)


def answers() -> bool:
    try:
        connect().close()
    except pymysql.Error:
        return False
    return True


def remember() -> None:
    """Saves the current rows for `restore`."""
    with connect() as db, db.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS {SEED}')
        cursor.execute(f'CREATE DATABASE {SEED} CHARACTER SET utf8mb3')
        for table in _tables(cursor):
            if _has_rows(cursor, _quoted(table)):
                cursor.execute(f'CREATE TABLE {SEED}.`{table}` AS SELECT * FROM {_quoted(table)}')


def restore() -> list[str]:
    """Restores every table that differs from the saved state and returns their names."""
    restored = []
    with connect() as db, db.cursor() as cursor:
        cursor.execute('SET foreign_key_checks = 0')
        cursor.execute('SELECT table_name FROM information_schema.tables WHERE table_schema = %s', (SEED,))
        remembered = {name for (name,) in cursor.fetchall()}
        for table in _tables(cursor):
            if _differs(cursor, table, table in remembered):
                _put_back(cursor, table, table in remembered)
                restored.append(table)
    return restored


def _tables(cursor: pymysql.cursors.Cursor) -> list[str]:
    cursor.execute(
        "SELECT concat(table_schema, '.', table_name) FROM information_schema.tables"
        " WHERE table_type = 'BASE TABLE' AND table_schema IN %s ORDER BY 1", (DATABASES,))
    return [name for (name,) in cursor.fetchall() if name not in OWN]


def _differs(cursor: pymysql.cursors.Cursor, table: str, remembered: bool) -> bool:
    now = _quoted(table)
    if not remembered:
        return _has_rows(cursor, now)
    then = f'{SEED}.`{table}`'
    columns = ', '.join(f'`{name}`' for name in _columns(cursor, table) if name not in IGNORED | RENUMBERED.get(table, set()))
    cursor.execute(f'SELECT (SELECT count(*) FROM {now}) = (SELECT count(*) FROM {then})')
    if cursor.fetchone() != (1,):
        return True
    return _has_rows(cursor, f'(SELECT {columns} FROM {now} EXCEPT SELECT {columns} FROM {then}) AS new')


def _put_back(cursor: pymysql.cursors.Cursor, table: str, remembered: bool) -> None:
    columns = ', '.join(f'`{name}`' for name in _columns(cursor, table))
    cursor.execute('BEGIN')
    cursor.execute(f'DELETE FROM {_quoted(table)}')
    if remembered:
        cursor.execute(f'INSERT INTO {_quoted(table)} ({columns}) SELECT {columns} FROM {SEED}.`{table}`')
    cursor.execute('COMMIT')


def _columns(cursor: pymysql.cursors.Cursor, table: str) -> list[str]:
    """Tables that can be written."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE concat(table_schema, '.', table_name) = %s"
        " AND extra NOT LIKE '%%GENERATED%%' ORDER BY ordinal_position", (table,))
    return [name for (name,) in cursor.fetchall()]


def _has_rows(cursor: pymysql.cursors.Cursor, source: str) -> bool:
    cursor.execute(f'SELECT 1 FROM {source} LIMIT 1')
    return cursor.fetchone() is not None


def _quoted(table: str) -> str:
    schema, name = table.split('.')
    return f'`{schema}`.`{name}`'
