"""The whole way of a citizen, in each language: the pages of the docs are these very words."""

from __future__ import annotations

import pytest

from bot.domain import LANGUAGES
from docs import stories
from docs.stories import lived, page, story


@pytest.mark.parametrize("language", LANGUAGES)
async def test_from_first_contact_to_proposal_to_oblivion_as_the_page_tells_it(language):
    """Where this fails: ``python -m docs.stories``."""
    told = await lived(language)

    for step, _, reply in told:
        assert reply.kind is step.answer, step
        assert reply.language == language
    shown = stories.FOLDER.joinpath(f"story.{language}.md").read_text("utf-8")
    assert shown == page(language, told)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_recap_of_the_story_is_made_of_the_persons_sentences_alone(language):
    told = await lived(language)
    said = " ".join(text for _, text, _ in told)

    [recap] = [reply for step, _, reply in told if step.what == "change"]
    lines = [line[3:] for line in recap.text.splitlines() if line[:1].isdigit()]
    assert len(lines) == 4 and all(line in said for line in lines)
    assert story(language)[7].words[4:] in lines
