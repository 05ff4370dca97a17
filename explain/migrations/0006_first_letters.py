"""The letters that come along: for the law of the European Union, in English and German. Officers edit them by page.

They give what GDPR Art. 15(1)(h) and 22(3) as read in C-203/22 and AI Act Art. 86 ask for: the role of the system in
the procedure, the procedure and principles actually applied, the main elements of the decision, what would have
changed it, and how to go on.
"""

import datetime

from django.db import migrations

WHEN = datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC)

EN_SYSTEM = """
# The part that the AI system played
{if answered}
The decision of {decided_on} rests on the output of an AI system (“{system}”). Its purpose: {purpose}

{if data}
The system was given these data about you: {data}.
{end}
{end}
{if not answered}
Your request to {system} of {decided_on} was turned away before the AI system judged it.
{end}

{if threshold}
{if score}
From them it computed how likely the answer “{adverse}” is: {score}. From {threshold} upwards the answer is “{adverse}”.
{end}
{end}
{if compared_with}
To see what weighed how much, we had the same version of the system score your data again and compared you with {compared_with} people from the data that it learnt from.
{end}

{if reasons}
# What weighed most towards the first answer
{reasons}

{figure}

{if disagreement}
Two methods of measuring do not agree about which of these weighed more. Their order means nothing.
{end}
{end}

{if protected}
The system also used what the law protects specially: {protected}. You have a right to know this. It is not among the reasons above.
{end}

{if changes}
# What would have led to another answer
{changes}

We tried this with the same system. It is no promise: other circumstances may have changed since.
{end}
"""

EN_RIGHTS = """
# How you can go on
You may tell us that you disagree, add facts, and have wrong data corrected.

{if contact}
Please write or call: {contact}
{end}

You may complain to a supervisory authority for data protection, where you live, work, or where you see the infringement (Art. 77 GDPR).

{if authority}
It is, for us: {authority}
{end}

You may also go to court (Art. 79 GDPR).

This letter gives you the explanation for which Art. 15(1)(h) and 22(3) of the General Data Protection Regulation and Art. 86 of the AI Act (Regulation (EU) 2024/1689) provide.
"""

EN_UPHELD = (
    """On {received} you contested a decision that we made about you on {decided_on}. A person who had the authority to change it has looked at your case again. The decision stands: “{answer_now}”.

# Why it stands
{grounds}
"""
    + EN_SYSTEM
    + EN_RIGHTS
)
EN_CHANGED = (
    """On {received} you contested a decision that we made about you on {decided_on}. A person who had the authority to change it has looked at your case again.

{if changed}
The decision is changed: instead of “{answer_before}” the answer is “{answer_now}”, from {ruled_on} on.
{end}
{if not changed}
We have corrected your data. With the right data, too, the answer is “{answer_now}”.
{end}

# Why
{grounds}

{if corrected_data}
These data were wrong, and are corrected: {corrected_data}. The same system has scored your case again with the right data.
{end}
"""
    + EN_SYSTEM
    + EN_RIGHTS
)

DE_SYSTEM = """
# Welche Rolle das KI-System gespielt hat
{if answered}
Die Entscheidung vom {decided_on} beruht auf der Ausgabe eines KI-Systems („{system}“). Sein Zweck: {purpose}

{if data}
Dem System lagen diese Angaben zu Ihnen vor: {data}.
{end}
{end}
{if not answered}
Ihre Anfrage an {system} vom {decided_on} wurde abgewiesen, bevor das KI-System sie bewertet hat.
{end}

{if threshold}
{if score}
Daraus hat es berechnet, wie wahrscheinlich die Antwort „{adverse}“ ist: {score}. Ab {threshold} lautet die Antwort „{adverse}“.
{end}
{end}
{if compared_with}
Um zu sehen, was wie viel gewogen hat, haben wir Ihre Angaben von derselben Version des Systems noch einmal bewerten lassen und Sie mit {compared_with} Personen aus den Daten verglichen, aus denen es gelernt hat.
{end}

{if reasons}
# Was am meisten zur ersten Antwort beigetragen hat
{reasons}

{figure}

{if disagreement}
Zwei Messverfahren stimmen nicht darin überein, was davon mehr gewogen hat. Die Reihenfolge bedeutet nichts.
{end}
{end}

{if protected}
Das System hat auch Merkmale verwendet, die das Gesetz besonders schützt: {protected}. Sie haben ein Recht, das zu erfahren. Sie stehen nicht unter den Gründen oben.
{end}

{if changes}
# Was zu einer anderen Antwort geführt hätte
{changes}

Das haben wir mit demselben System geprüft. Es ist keine Zusage: Andere Umstände können sich seither geändert haben.
{end}
"""

DE_RIGHTS = """
# Wie es weitergehen kann
Sie können uns sagen, dass Sie nicht einverstanden sind, Tatsachen ergänzen und falsche Angaben berichtigen lassen.

{if contact}
Bitte schreiben Sie uns oder rufen Sie an: {contact}
{end}

Sie können sich bei einer Aufsichtsbehörde für den Datenschutz beschweren, an Ihrem Wohnort, an Ihrem Arbeitsplatz oder am Ort des mutmaßlichen Verstoßes (Art. 77 DSGVO).

{if authority}
Für uns zuständig ist: {authority}
{end}

Sie können auch vor Gericht gehen (Art. 79 DSGVO).

Mit diesem Brief erhalten Sie die Erläuterung, die Art. 15 Abs. 1 Buchst. h und Art. 22 Abs. 3 der Datenschutz-Grundverordnung und Art. 86 der KI-Verordnung (Verordnung (EU) 2024/1689) vorsehen.
"""

DE_UPHELD = (
    """Am {received} haben Sie eine Entscheidung beanstandet, die wir am {decided_on} über Sie getroffen haben. Eine Person, die sie hätte ändern dürfen, hat Ihren Fall noch einmal geprüft. Es bleibt bei der Entscheidung: „{answer_now}“.

# Warum es dabei bleibt
{grounds}
"""
    + DE_SYSTEM
    + DE_RIGHTS
)
DE_CHANGED = (
    """Am {received} haben Sie eine Entscheidung beanstandet, die wir am {decided_on} über Sie getroffen haben. Eine Person, die sie ändern darf, hat Ihren Fall noch einmal geprüft.

{if changed}
Die Entscheidung ist geändert: Statt „{answer_before}“ lautet die Antwort ab dem {ruled_on} „{answer_now}“.
{end}
{if not changed}
Wir haben Ihre Angaben berichtigt. Auch mit den richtigen Angaben lautet die Antwort „{answer_now}“.
{end}

# Warum
{grounds}

{if corrected_data}
Diese Angaben waren falsch und sind berichtigt: {corrected_data}. Dasselbe System hat Ihren Fall mit den richtigen Angaben noch einmal bewertet.
{end}
"""
    + DE_SYSTEM
    + DE_RIGHTS
)
LETTERS = (
    ("en", "upheld", "Our decision about you stands ({case})", EN_UPHELD),
    ("en", "changed", "We looked at our decision about you again ({case})", EN_CHANGED),
    ("de", "upheld", "Es bleibt bei unserer Entscheidung ({case})", DE_UPHELD),
    ("de", "changed", "Wir haben unsere Entscheidung noch einmal geprüft ({case})", DE_CHANGED),
)


def bring(apps, schema_editor):
    templates = apps.get_model("explain", "LetterTemplate").objects.using(schema_editor.connection.alias)
    facts = {"jurisdiction": "EU", "number": 1, "saved_by": "system:setup", "saved_at": WHEN}
    for language, kind, title, body in LETTERS:
        templates.get_or_create(
            language=language, kind=kind, defaults={"title": title, "body": body, "reason": "Came along."}, **facts
        )


class Migration(migrations.Migration):
    dependencies = [("explain", "0005_urgent")]
    operations = [migrations.RunPython(bring, migrations.RunPython.noop)]
