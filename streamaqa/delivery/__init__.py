"""Getting feedback to people: message models, outbox, MQTT publisher, embedded broker, subscriber.

messages, commands   what is said, as pydantic models; their JSON Schema is under `schema`
topics               where it is said, and the `Envelope` and `Sink` everything else speaks
builders             from the engine's types to messages
outbox               messages on disk, numbered, until the broker has them
connection           one MQTT connection, safe to cancel, with errors that say what to do
publisher            outbox to broker, commands back
broker               a broker for demo and first steps
listen               the subscriber's side
events               messages as lines of a file
"""
