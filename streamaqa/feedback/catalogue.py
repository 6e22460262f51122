"""What the coach says, by language.

English sentences and first cues are the vocabulary's own (`exercises.ErrorType`), so an exercise of one's own
needs no entry here: in every language it falls back to its own words. Cues are external by default ("push the
floor", not "extend your knees"); that is a convention, no claim of a benefit. A pack of one's own goes into
`FeedbackSettings.cues`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Language: TypeAlias = Literal["en", "de", "es"]


@dataclass(frozen=True, slots=True)
class Wording:
    """What is said of one error in one language."""

    label: str
    """The fault's name, for "fixed" and for summaries; at most three words."""
    sentence: str
    cues: tuple[str, ...]
    """In the order they are tried; each at most four words and 64 bytes."""


ENGLISH_ALTERNATIVES: Final[Mapping[str, tuple[str, ...]]] = {
    "squat.knees_forward": ("Sit back, feet rooted", "Hips to wall behind"),
    "squat.knees_inward": ("Knees over little toes", "Screw feet outward"),
    "squat.shallow": ("Down to the box", "Hips to knee height"),
    "overhead_press.elbows": ("Forearms like pillars", "Elbows under the bar"),
    "overhead_press.knees": ("Freeze below the ribs", "Press, no dip"),
    "barbell_row.lumbar": ("Show your shirt logo", "Proud chest, lighter bar"),
    "barbell_row.torso_angle": ("Chest stays on shelf", "Elbows pull, hips wait"),
}
"""Further English cues by code, after the vocabulary's own."""

ENGLISH_LABELS: Final[Mapping[str, str]] = {
    "overhead_press.elbows": "drifting elbows",
    "overhead_press.knees": "bending knees",
    "barbell_row.lumbar": "rounded back",
    "barbell_row.torso_angle": "swinging torso",
}
"""What lifters call a fault, by code, where that is not the data set's word for it."""

EXERCISE_NAMES: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {"squat": "squat", "overhead_press": "overhead press", "barbell_row": "barbell row"},
    "de": {"squat": "Kniebeuge", "overhead_press": "Überkopfdrücken", "barbell_row": "Langhantelrudern"},
    "es": {"squat": "sentadilla", "overhead_press": "press militar", "barbell_row": "remo con barra"},
}

WORDINGS: Final[Mapping[Language, Mapping[str, Wording]]] = {
    "en": {},
    "de": {
        "squat.knees_forward": Wording(
            "Knie vorn",
            "Deine Knie schieben sich weit über die Zehen: Belaste den ganzen Fuß und drück den Boden weg.",
            ("Ganzer Fuß, Boden wegdrücken", "Setz dich nach hinten", "Füße fest verwurzelt"),
        ),
        "squat.knees_inward": Wording(
            "Knie innen",
            "Deine Knie fallen nach innen: Schieb den Boden mit den Füßen auseinander.",
            ("Boden auseinanderschieben", "Knie über kleine Zehen", "Füße nach außen schrauben"),
        ),
        "squat.shallow": Wording(
            "zu wenig Tiefe",
            "Die Kniebeuge blieb hoch: Geh runter, bis die Hüfte auf Kniehöhe ist.",
            ("Etwas tiefer setzen", "Runter bis zur Kiste", "Hüfte auf Kniehöhe"),
        ),
        "overhead_press.elbows": Wording(
            "wandernde Ellbogen",
            "Deine Ellbogen wandern: Halte sie knapp vor der Stange, die Unterarme senkrecht.",
            ("Ellbogen vor die Stange", "Unterarme wie Säulen", "Ellbogen unter die Stange"),
        ),
        "overhead_press.knees": Wording(
            "gebeugte Knie",
            "Du hast mit den Knien Schwung geholt: Lass die Beine gestreckt und drück aus den Schultern.",
            ("Beine wie Säulen", "Die Beine bleiben still", "Drücken ohne Schwung"),
        ),
        "barbell_row.lumbar": Wording(
            "runder Rücken",
            "Dein unterer Rücken rundet sich: Spann an, Brust lang, und nimm weniger Gewicht.",
            ("Brust lang, anspannen", "Zeig dein Shirt-Logo", "Stolze Brust, weniger Gewicht"),
        ),
        "barbell_row.torso_angle": Wording(
            "schwingender Oberkörper",
            "Dein Oberkörper schwingt mit: Halte ihn still und beweg nur die Stange.",
            ("Nur die Stange bewegen", "Brust bleibt, Ellbogen ziehen", "Oberkörper still halten"),
        ),
    },
    "es": {
        "squat.knees_forward": Wording(
            "rodillas adelantadas",
            "Tus rodillas van mucho más allá de los pies: apoya todo el pie y empuja el suelo.",
            ("Todo el pie, empuja", "Siéntate hacia atrás", "Pies bien arraigados"),
        ),
        "squat.knees_inward": Wording(
            "rodillas hacia dentro",
            "Tus rodillas se van hacia dentro: separa el suelo con los pies.",
            ("Separa el suelo", "Rodillas hacia los meñiques", "Atornilla los pies"),
        ),
        "squat.shallow": Wording(
            "poca profundidad",
            "La sentadilla quedó alta: baja hasta que la cadera llegue a las rodillas.",
            ("Un poco más abajo", "Baja hasta el cajón", "Cadera a las rodillas"),
        ),
        "overhead_press.elbows": Wording(
            "codos desviados",
            "Tus codos se desvían: mantenlos un poco delante de la barra, antebrazos verticales.",
            ("Codos ante la barra", "Antebrazos como columnas", "Codos bajo la barra"),
        ),
        "overhead_press.knees": Wording(
            "rodillas dobladas",
            "Tus rodillas dieron impulso: piernas rectas y empuja desde los hombros.",
            ("Piernas como columnas", "Piernas quietas", "Empuja sin impulso"),
        ),
        "barbell_row.lumbar": Wording(
            "espalda redonda",
            "Tu zona lumbar se redondea: aprieta el abdomen, alarga el pecho y usa menos peso.",
            ("Pecho largo, abdomen firme", "Enseña el pecho", "Pecho orgulloso, menos peso"),
        ),
        "barbell_row.torso_angle": Wording(
            "torso que oscila",
            "Tu torso se balancea con la barra: mantenlo quieto y mueve solo la barra.",
            ("Mueve solo la barra", "Pecho quieto, codos tiran", "Torso quieto"),
        ),
    },
}
"""By language and code `<exercise>.<error>`."""

PHRASES: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "clean": "Clean rep.",
        "partly": "No fault seen. Not judged from this view: {errors}.",
        "unsure": "Not sure about: {errors}.",
        "perhaps": "{sentence} (Not certain.)",
        "untrained": "(By a model that was never trained for this.)",
        "not_judged": "This rep could not be judged from this view.",
        "fixed": "Fixed: {error}",
        "fixed_text": "Fixed: {error}. Keep it like that.",
        "velocity": "Bar is slowing",
        "velocity_text": "You are {loss} slower than on your fastest rep: think of ending the set.",
        "set": "{reps} reps.",
        "set_one": "1 rep.",
        "set_clean": "No fault seen.",
        "set_single": "Seen: {errors}.",
        "unjudged": "Not judged from this view: {errors}.",
        "set_limit": "Technique held up to rep {held}; from rep {rep}: {errors}.",
        "set_limit_first": "From the first rep: {errors}.",
        "set_also": "Also seen: {errors}.",
        "set_partly": "{judged} of {reps} reps could be judged.",
        "set_unjudged": "Technique was not judged from this view.",
        "set_velocity": "Velocity loss {loss}.",
        "nobody_in_view": "Nobody in view: step in front of the camera.",
        "too_close": "Too close: step back until you are in view from head to feet.",
        "feet_not_visible": "Feet not visible: step back or tilt the camera down.",
        "head_not_visible": "Head not visible: step back or tilt the camera up.",
        "hands_not_visible": "Hands not visible: step back until the bar stays in view.",
        "turn_side_on": "Turn side-on to the camera to have this judged: {errors}.",
        "shown": "Judged from here: {errors}.",
        "nothing_shown": "Nothing can be judged from here.",
        "needs_side": "Needs a side view: {errors}.",
        "needs_front": "Needs a front view: {errors}.",
        "percent": "{share}%",
        "camera_lost": "No picture from the camera: trying to reach it again.",
        "camera_frozen": "The camera's picture has frozen: check the camera.",
        "camera_black": "The camera's picture is black: check its cover and the light.",
        "camera_resized": "The camera's picture has changed its size.",
        "camera_times": "The camera's time stamps are broken: tempo may be off.",
        "camera_wrapped": "The camera's time stamps began again at zero: nothing is lost.",
        "recording_stopped": "The recording has stopped; the coach goes on.",
    },
    "de": {
        "clean": "Saubere Wiederholung.",
        "partly": "Kein Fehler zu sehen. Aus dieser Sicht nicht beurteilt: {errors}.",
        "unsure": "Nicht eindeutig: {errors}.",
        "perhaps": "{sentence} (Nicht sicher.)",
        "untrained": "(Von einem Modell, das dafür nie trainiert wurde.)",
        "not_judged": "Diese Wiederholung war aus dieser Sicht nicht zu beurteilen.",
        "fixed": "Behoben: {error}",
        "fixed_text": "Behoben: {error}. Weiter so.",
        "velocity": "Stange wird langsamer",
        "velocity_text": "Du bist {loss} langsamer als beim schnellsten Mal: Beende bald den Satz.",
        "set": "{reps} Wiederholungen.",
        "set_one": "1 Wiederholung.",
        "set_clean": "Kein Fehler zu sehen.",
        "set_single": "Gesehen: {errors}.",
        "unjudged": "Aus dieser Sicht nicht beurteilt: {errors}.",
        "set_limit": "Die Technik hielt bis Wiederholung {held}; ab Wiederholung {rep}: {errors}.",
        "set_limit_first": "Von Anfang an: {errors}.",
        "set_also": "Auch gesehen: {errors}.",
        "set_partly": "{judged} von {reps} Wiederholungen waren zu beurteilen.",
        "set_unjudged": "Die Technik war aus dieser Sicht nicht zu beurteilen.",
        "set_velocity": "Geschwindigkeitsverlust {loss}.",
        "nobody_in_view": "Niemand im Bild: Stell dich vor die Kamera.",
        "too_close": "Zu nah: Geh zurück, bis du von Kopf bis Fuß im Bild bist.",
        "feet_not_visible": "Füße nicht im Bild: Geh zurück oder neig die Kamera nach unten.",
        "head_not_visible": "Kopf nicht im Bild: Geh zurück oder neig die Kamera nach oben.",
        "hands_not_visible": "Hände nicht im Bild: Geh zurück, bis die Stange im Bild bleibt.",
        "turn_side_on": "Stell dich seitlich zur Kamera, dann lässt sich beurteilen: {errors}.",
        "shown": "Von hier zu beurteilen: {errors}.",
        "nothing_shown": "Von hier ist nichts zu beurteilen.",
        "needs_side": "Nur von der Seite zu sehen: {errors}.",
        "needs_front": "Nur von vorn zu sehen: {errors}.",
        "percent": "{share} %",
        "camera_lost": "Kein Bild von der Kamera: Verbindung wird neu aufgebaut.",
        "camera_frozen": "Das Kamerabild steht: Prüf die Kamera.",
        "camera_black": "Das Kamerabild ist schwarz: Prüf die Abdeckung und das Licht.",
        "camera_resized": "Das Kamerabild hat jetzt eine andere Größe.",
        "camera_times": "Die Zeitstempel der Kamera stimmen nicht: Das Tempo kann falsch sein.",
        "camera_wrapped": "Die Zeitstempel der Kamera fingen wieder bei null an: Nichts geht verloren.",
        "recording_stopped": "Die Aufzeichnung hat aufgehört, der Coach macht weiter.",
    },
    "es": {
        "clean": "Repetición limpia.",
        "partly": "No se ve ningún fallo. No se juzga desde esta vista: {errors}.",
        "unsure": "Sin certeza: {errors}.",
        "perhaps": "{sentence} (Sin certeza.)",
        "untrained": "(Según un modelo que nunca se entrenó para esto.)",
        "not_judged": "Esta repetición no se pudo juzgar desde esta vista.",
        "fixed": "Corregido: {error}",
        "fixed_text": "Corregido: {error}. Sigue así.",
        "velocity": "La barra se frena",
        "velocity_text": "Vas un {loss} más lento que en tu repetición más rápida: termina pronto la serie.",
        "set": "{reps} repeticiones.",
        "set_one": "1 repetición.",
        "set_clean": "No se vio ningún fallo.",
        "set_single": "Visto: {errors}.",
        "unjudged": "No se juzga desde esta vista: {errors}.",
        "set_limit": "La técnica aguantó hasta la repetición {held}; desde la {rep}: {errors}.",
        "set_limit_first": "Desde la primera repetición: {errors}.",
        "set_also": "También visto: {errors}.",
        "set_partly": "Se pudieron juzgar {judged} de {reps} repeticiones.",
        "set_unjudged": "La técnica no se pudo juzgar desde esta vista.",
        "set_velocity": "Pérdida de velocidad {loss}.",
        "nobody_in_view": "No se ve a nadie: ponte delante de la cámara.",
        "too_close": "Demasiado cerca: aléjate hasta verte de la cabeza a los pies.",
        "feet_not_visible": "No se ven los pies: aléjate o inclina la cámara hacia abajo.",
        "head_not_visible": "No se ve la cabeza: aléjate o inclina la cámara hacia arriba.",
        "hands_not_visible": "No se ven las manos: aléjate hasta que la barra quede en la imagen.",
        "turn_side_on": "Ponte de perfil a la cámara para poder juzgar: {errors}.",
        "shown": "Se puede juzgar desde aquí: {errors}.",
        "nothing_shown": "Desde aquí no se puede juzgar nada.",
        "needs_side": "Solo se ve de perfil: {errors}.",
        "needs_front": "Solo se ve de frente: {errors}.",
        "percent": "{share} %",
        "camera_lost": "Sin imagen de la cámara: se intenta conectar de nuevo.",
        "camera_frozen": "La imagen de la cámara está congelada: revisa la cámara.",
        "camera_black": "La imagen de la cámara está negra: revisa la tapa y la luz.",
        "camera_resized": "La imagen de la cámara ha cambiado de tamaño.",
        "camera_times": "Las marcas de tiempo de la cámara fallan: el tempo puede ser erróneo.",
        "camera_wrapped": "Las marcas de tiempo de la cámara empezaron de cero: no se pierde nada.",
        "recording_stopped": "La grabación se ha detenido; el entrenador sigue.",
    },
}
"""Sentences that belong to no single error. Set-up advice is keyed by the segmenter's codes."""
