"""The scripts that read and write a lease in Redis: each is one atomic step of the server."""

from __future__ import annotations

from typing import Final

from incumbent.stores._redis_connection import Script

_LIFE: Final = """
local function life()
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  local reign = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
  return redis.sha1hex(run .. reign)
end
"""
# The hash is written by the one command that may fail, before anybody is told: what is told was written, and
# who is refused has written nothing. The message is what the hash is, in which there is no NUL; and the
# database, for all databases of a server share their channels.
_WRITE: Final = """
local version, named, named_life, session, db = unpack(ARGV, 1, 5)
local now = life()
if named == '' then
  if redis.call('EXISTS', KEYS[1]) == 1 then return {'exists'} end
  if named_life ~= '' and named_life ~= now then return {'elsewhen'} end
else
  local kept = redis.call('HMGET', KEYS[1], 'version', 'holder_session')
  if redis.call('EXISTS', KEYS[1]) == 0 then return {'missing'} end
  if kept[1] ~= named then return {'changed'} end
  if named_life ~= now and (session == '' or kept[2] ~= session) then return {'elsewhen'} end
end
local record = {'version', version, 'life', now, unpack(ARGV, 6)}
local message = table.concat({'db', db, unpack(record)}, '\\0')
redis.call('HSET', KEYS[1], unpack(record))
redis.pcall('PUBLISH', KEYS[1], message)
return {'written', now}
"""
_READ: Final = "return {life(), redis.call('HGETALL', KEYS[1])}"
_DELETE: Final = "redis.call('PUBLISH', KEYS[1], '') return redis.call('DEL', KEYS[1])"


WRITING: Final = Script.of(_LIFE + _WRITE)
READING: Final = Script.of(_LIFE + _READ)
DELETING: Final = Script.of(_DELETE)
# An HSET that is short of a value is refused, but not before it was looked up whether it is allowed.
TRYING: Final = Script.of("""
redis.call('EXISTS', KEYS[1])
redis.call('HMGET', KEYS[1], 'version')
redis.call('PUBLISH', KEYS[1], '')
local tried = redis.pcall('HSET', KEYS[1], 'version', '', '')
if string.find(tried.err, 'wrong number of arguments') then return 'OK' end
return tried
""")

__all__ = ["DELETING", "READING", "TRYING", "WRITING"]
