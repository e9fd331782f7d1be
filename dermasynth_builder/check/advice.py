"""Row by row: advice that may harm whoever follows it, and certainty that no image gives."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from dermasynth_builder.check.prose.patterns import Patterns
from dermasynth_builder.check.prose.statements import Statement, answers, is_quoted, statements
from dermasynth_builder.core.records import Finding, Pair, Severity

NAME = "advice"


def _any(*parts: str) -> tuple[re.Pattern[str], ...]:
    return tuple(map(re.compile, parts))


_DRUGS = (
    r"(?:hydrocortisone|clobetasol|betamethasone|mometasone|prednis\w+|steroids?|fluorouracil|5-fu|imiquimod"
    r"|methotrexate|isotretinoin|tretinoin|doxycycline|amoxicillin|cephalexin|ibuprofen|paracetamol"
    r"|acetaminophen|antihistamine|cetirizine|aci?clovir|clotrimazole|terbinafine|ketoconazole|permethrin"
    r"|ivermectin|retinoid|cream|ointment|lotion|tablets?|capsules?|gel|antibiotics?|medicine|medication|pills?)"
)
_DOSE = re.compile(
    r"\b\d+(?:\.\d+)? ?(?:mg|mcg|µg|milligrams?|ml|units?|iu)\b(?!/dl)|\b\d+(?:\.\d+)? ?(?:%"
    rf"|percent) (?:\w+ )?{_DRUGS}|\b{_DRUGS} (?:\w+ )?\d+(?:\.\d+)? ?(?:%|percent)|\b(?:apply|take|use|rub"
    rf"|swallow|inject|dab|put)\b[^.;]{{0,60}}\b(?:once|twice|three times|four times|every (?:\w+ )?(?:hours?"
    r"|day|night|morning)|\w+ times|daily|nightly|a day|per day|for (?:\w+ )?(?:days|weeks|months))\b"
)
_TOOLS = (
    r"(?:threads?|strings?|floss|rubber bands?|scissors|blades?|razors?|knife|knives|needles?|pins?"
    r"|nail clippers?|clippers|tweezers|lighters?|match(?:es)?|flames?|candles?|iron|sandpaper|pumice(?: stone)?"
    r"|nail file|cheese grater|fingernails?|fingers|duct tape|super ?glue|soldering iron|curling iron|cigarette)"
)
_CAUSTICS = (
    r"(?:bleach|black salve|bloodroot|(?:apple cider )?vinegar|hydrogen peroxide|(?:battery |wart |hydrochloric "
    r"|sulphuric |sulfuric |acetic |strong )acid|kerosene|petrol|gasoline|diesel|turpentine|paint thinner"
    r"|toothpaste|garlic|wart (?:remover|treatment|plasters?)|urine|baking soda|tea tree oil|castor oil"
    r"|lemon juice|nail (?:polish|varnish)(?: remover)?|acetone|drain cleaner|caustic lye|caustic \w+|essential oils?"
    r"|iodine|rubbing alcohol|disinfectant|dmso|oregano oil|frankincense|cannabis oil|hot wax|boiling (?:water"
    r"|oil)|scalding (?:hot )?water|wood ash|escharotic\w*|caustics?)"
)
_CUTS = (
    r"(?:cut|slic|shav|burn|freez|pick|scrap|snip|ty|tie|scratch|tear|pull|twist|squeez|pop|lanc|dig|remov|peel"
    r"|pierc|prick|cauteri[sz]|singe|sand|strangl|clip|grat|pinch|drain)(?:e|t|p|g|ting|ing|ping|ging|ning)?"
)
_HOME = _any(
    rf"\b{_CUTS}\b[^.;:]{{0,50}}?\b(?:yourself|themselves|at home|with (?:\w+ ){{0,4}}?{_TOOLS})\b",
    rf"\b(?:t(?:ie|ying)|wrap\w*|loop\w*|knot\w*) (?:\w+ ){{0,2}}?{_TOOLS}\b",
    rf"\b(?:heated|hot|sterili[sz]ed|clean|sharp|kitchen) {_TOOLS}\b[^.;]{{0,40}}\b(?:until|off|out|away)\b",
    r"\b(?:appl(?:y|ying)|dab\w*|put(?:ting)?|rub\w*|us(?:e|ing)|try(?:ing)?|soak\w*|drip\w*|pour\w*|drop"
    r"|paint\w*|smear\w*|spread|spray\w*|brush\w*|treat\w*|cover\w*|wash\w*|clean\w*|hold\w*|dip\w*|bath\w*"
    rf"|place|a (?:few )?drops? of|compress\w* (?:of|with))\b[^.;:]{{0,45}}?\b{_CAUSTICS}\b",
    rf"\b{_CAUSTICS}\b[^.;]{{0,50}}?\b(?:draws?|dissolv\w+|cures?|heals?|removes?|kills?|shrinks?|eats?"
    r"|burns? (?:it|the \w+) (?:off|away|out)|gets? rid|works? (?:well|wonders|as well|better|just as)|is (?:a "
    r"|an )?(?:\w+ )?(?:effective|good|great|proven|alternative|cure|remedy|enough)|do(?:es)? the (?:job|trick)"
    r"|will (?:do|take|make))\b",
    r"\b(?:stop|skip|doubl|halv|quit|paus|discontinu|drop|abandon|throw away|come off)(?:e|ing|ping|ting"
    r"|s)?\b (?:taking |using )?(?:all |any |both )?(?:of )?(?:your|the|all|his|her|their|any|those"
    r"|prescribed) (?:\w+ ){0,3}?(?:medication|medicines?|treatment|doses?|immunosuppress\w+|chemotherapy"
    r"|insulin|pills|tablets|drugs|blood thinners?|anticoagulants?|steroids|prescriptions?|antibiotics)\b",
    r"\b(?:neighbou?r|friend|relative|someone else|somebody else|another person|husband|wife|mother|father"
    r"|sister|brother|aunt|partner)['’]s (?:\w+ ){0,2}?(?:antibiotics?|tablets|pills|cream|medication|medicine"
    r"|steroids?|ointment|prescription)\b",
    r"\b(?:use|take|finish|try|apply)\b[^.;]{0,25}\b(?:leftover|left-over|expired|old|spare|somebody['’]s|animal"
    r"|veterinary|horse) (?:\w+ )?(?:antibiotics?|tablets|pills|cream|medication|medicine|steroids?|ointment"
    r"|dewormer)\b",
    r"\b(?:tanning beds?|sunbeds?|solariums?|sunbathing|sunburns?|strong sun|midday sun|tanning|uv (?:light"
    r"|rays) (?:at home|from))\b[^.;]{0,60}?\b(?:(?:is|are) (?:\w+ )?(?:safe|harmless|healthy|fine|good"
    r"|ok(?:ay)?|beneficial|all right)|heals?|cures?|helps?|clears?|prepares?|dries|dry|protects?|toughens?"
    r"|will (?:heal|help|clear|dry|fade|cure))\b",
    r"\b(?:without|no|skip|forget|stop using|avoid|do not need|don['’]t need) (?:any |the |your |wearing "
    r"|using )?(?:need for )?(?:sun ?screen|sun cream|sun ?block|sun protection)\b",
    r"\b(?:sun ?screen|sun cream|sun ?block|sun protection|shade|hats?|protection from the sun)\b (?:\w+ ){0,2}?(?:is"
    r"|are)"
    r" (?:\w+ )?(?:pointless|unnecessary|useless|superfluous|overrated|a waste|no use|not (?:\w+ )?(?:needed|necessary"
    r"|required|worth))\b|\b(?:tan|sunbathe|be in the sun|stay in the sun|sun (?:your|her|him|them)sel\w+"
    r"|lie in the sun)"
    r" as (?:much|long|often) as (?:you|she|he|they|one)\b",
    r"\b(?:herbal|natural|home-?made|homeopathic|ayurvedic|traditional) (?:\w+ ){0,2}?(?:creams?|oils?|ointments?"
    r"|pastes?"
    r"|medicines?|remed(?:y|ies)|balms?|treatments?)\b[^.;]{0,50}?\b(?:cured?|cures|heals?|healed|disappears?|vanish\w*"
    r"|go(?:es)? away|(?:be )?gone|resolves?|clears?)\b",
    r"\b(?:diet|turmeric|curcumin|herb\w*|homeopath\w*|vitamins?(?: \w)?|prayer|detox\w*|juic(?:e|ing)|fasting"
    r"|supplements?|alkaline \w+|apricot \w+|laetrile|remed(?:y|ies)|mushrooms?|cbd|aloe vera|honey|coconut oil"
    r"|tea|meditation|positive thinking|natural (?:oils?|products?|treatments?))\b[^.;]{0,60}?\b(?:will |can "
    r"|to |would )?(?:cures?|heals? (?:it|the|this|your|cancer|melanoma)|replac\w+|instead of|in place of"
    r"|shrinks?|dissolves?|reverses?|gets? rid of|kills? (?:the|cancer)|eliminates?|as (?:effective|good"
    r"|well) as (?:surgery|an? operation|excision|chemo\w*)|makes? (?:surgery|an operation|excision"
    r"|treatment) (?:un\w+|superfluous))\b",
    r"\b(?:instead of|rather than|in place of|an? (?:\w+ )?alternative to|replaces?|spares? you|avoids?"
    r"|no need for) (?:\w+ ){0,4}?(?:surgery|operation|excision|chemotherapy|radiotherapy|removed|operated"
    r"|cut out|biopsied)\b[^.;]{0,60}\b(?:oils?|herbs?|diet|remed\w+|cream|salve|vinegar|honey|tea|supplement\w*"
    r"|vitamin\w*|homeopath\w*|paste|poultice)\b",
    r"\b(?:tak(?:e|en|ing)|freez(?:e|ing)|froz(?:e|en)|burn\w*|cut\w*|shav\w+|remov\w+|pick\w*|scrap\w+"
    r"|get(?:ting)? rid)\b (?:\w+ ){0,3}?(?:off|out|away|of)?\b[^.;:]{0,25}\b(?:at home|(?:on|by) (?:your|his"
    r"|her|their) own|(?:by )?(?:yourself|himself|herself|themselves))\b",
    r"\b(?:mole|wart|tag|lesion|spot)[- ](?:remov\w+|freez\w+)[- ](?:pen|kit|cream|spray|patch\w*|device|gel)\b"
    r"|\b(?:freezing|removal|cryo\w*|plasma) (?:kit|pen|spray)\b",
    r"\b(?:throw(?:ing)? (?:away|out)|stop(?:ping)?|bin|discard\w*|ditch\w*|quit|drop|forget) (?:using "
    r"|applying |taking |with )?(?:\w+ ){0,2}?(?:cream|ointment|gel|lotion|medicine|medication|tablets|pills"
    r"|drops)\b[^.;]{0,40}?\b(?:prescribed|doctor|dermatologist|instead)\b",
    r"\b(?:use|apply|try|take|rub in|put on)\b (?:\w+ ){0,3}?(?:oil|honey|aloe vera|butter|tea|herbs?|remed(?:y"
    r"|ies)|clay|charcoal|paste|salve|balm)\b[^.;]{0,20}?\binstead\b",
)
_SEEN = (
    r"(?:doctors?|dermatologists?|physicians?|specialists?|clinics?|hospital|gp|appointments?|visits?"
    r"|check-?ups?|biops(?:y|ies|ied)|examinations?|follow-?ups?|seen|checked|looked at|examined|anyone|anybody"
    r"|medical (?:attention|care|help|review|advice|opinion)|referrals?|second opinion|professional|monitored"
    r"|controls?|histolog\w+|pathology|microscopy|dermoscopy)"
)
_DISSUADES = _any(
    r"\b(?:no|not any|without any|never any|hardly any|little) (?:\w+ )?(?:need|reason|point|call|cause|sense"
    rf"|use|necessity)\b (?:\w+ ){{0,6}}?{_SEEN}\b",
    r"\b(?:do not|don['’]t|does not|doesn['’]t|need not|needn['’]t|won['’]t|will not|no longer|never|would not"
    r"|wouldn['’]t) (?:\w+ )?(?:need|have|require|bother\w*|worry|waste|trouble|go|see|visit|consult|ask|book"
    rf"|make)\b (?:[\w'’]+ ){{0,6}}?{_SEEN}\b(?! (?:to rule|in))",
    rf"\b(?:need not|needn['’]t) (?:be )?{_SEEN}",
    r"\b(?:skip|cancel|avoid|forget(?: about)?|put off|postpone|cross|stay away from|save yourself"
    rf"|spare yourself|keep away from|can do without|manage without)\b (?:[\w'’-]+ ){{0,4}}?{_SEEN}\b",
    r"\b(?:can|may|could|should|must) (?:be )?(?:safely |simply |just |easily "
    r"|perfectly well )*(?:be )?(?:safely |simply |just )*(?:ignored?|forgotten|left alone|disregarded"
    r"|forget (?:about )?it|dismissed|leave it (?:alone|be|as it is))\b(?! (?:at |by ))|\b(?:can"
    r"|should) (?:\w+ )?stay as it is\b",
    r"\b(?:just|simply|safely) (?:ignore|forget|leave) (?:it|this|about|the \w+)\b|\bnever (?:think"
    r"|worry) about (?:it|this|the|that)\b|\bforget about it\b|\bmind at (?:rest|ease)\b|\brest assured\b"
    r"|\bsleep easy\b",
    rf"\b(?:no|neither) (?:\w+ )?{_SEEN} (?:or \w+ )?(?:is |will be |visit is |are |was )?(?:needed|necessary"
    r"|required|called for|indicated|warranted)(?! to (?:name|confirm|establish|prove|make|know))",
    rf"\b{_SEEN}\b (?:\w+ ){{0,3}}?(?:is|would be|are|seems?|was|isn['’]t|aren['’]t) (?:\w+ )?(?:(?:not|never|rarely"
    r"|hardly) (?:\w+ )?(?:need(?:ed)?|necessary|required|worth\w*|warranted|indicated)|unnecessary|pointless"
    r"|needless|a waste|superfluous|overkill|useless|unneeded|optional at best)\b",
    r"\b(?:wait|leave it|watch it|live with it)(?: for)? (?:\w+ )?(?:months|years) before (?:\w+ )?(?:see|show"
    rf"|consult|{_SEEN})\w*",
    r"\b(?:instead of|rather than|without) (?:ever )?(?:seeing|visiting|going to|asking|consulting|bothering"
    rf"|wasting time (?:on|at)) (?:\w+ )?{_SEEN}",
    rf"\b(?:waste of (?:time|money|\w+ time)|not worth|isn['’]t worth|don['’]t bother)\b[^.;]{{0,40}}{_SEEN}"
    rf"|\b{_SEEN}\b[^.;]{{0,30}}\bwaste of\b",
    r"\b(?:can|could|may) (?:safely |easily |well |perfectly well |happily |just )?(?:wait|be postponed"
    r"|be put off|be delayed|be left) (?:until (?:it|the)|for (?:a |another |several |some |many "
    r"|a few )?(?:months|years?|\d+ (?:months|years?)|decades?)|a (?:year|few (?:months|years))|(?:several|some"
    r"|many|two|three|six) (?:months|years)|indefinitely|forever)",
    r"\b(?:waiting|delay\w*|postpon\w+|putting (?:it|this) off|holding off)\b[^.;]{0,50}\b(?:years?"
    r"|months)\b(?:(?!\bnot\b|n['’]t)[^.;]){0,40}\b(?:no harm|harmless|safe|fine|ok(?:ay)?|no difference"
    r"|without risk|no problem|acceptable|does not matter)\b",
    r"\b(?:even if|although|though|when) (?:it|this|the \w+) (?:\w+ )?(?:grows?|changes?|bleeds?"
    r"|turns?)\b[^.;]{0,60}\b(?:no (?:need|reason|cause)|not? (?:worry|matter|need)|n['’]t (?:need|have|worry"
    r"|matter)|harmless|nothing to|fine)\b",
    r"\b(?:no|not a) (?:reason|cause) (?:for|to) (?:concern|worry|alarm)\b[^.;]{0,20}\b(?:even if|whatever)\b",
    rf"\b(?:not|n['’]t) (?:\w+ )?(?:need|necessary|required?|needed|worth) (?:to|for|of) (?:\w+ ){{0,5}}?{_SEEN}\b",
    r"\b(?:you|she|he|they|one|the patient) (?:can|may|could|should) (?:safely |just |simply |now "
    r"|certainly )?(?:relax|forget (?:about )?it|ignore (?:it|this)|stop worrying|rest easy|be (?:completely "
    r"|fully |totally )?(?:reassured|calm|at ease)|sleep (?:well|easy|soundly))\b",
    r"\b(?:self-?monitoring|self-?checks?|home monitoring|watch(?:ing)? it (?:yourself|at home)"
    r"|(?:photo(?:graph)?s|pictures) at home)\b[^.;]{0,40}\b(?:(?:is|are) (?:\w+ )?(?:enough|sufficient|fine"
    r"|all)|suffic\w+|instead|will do)",
    r"\b(?:wait(?:ing)?|hold off|come back|review(?:ing|ed)?|recheck\w*) (?:\w+ )?(?:in|for) (?:two|three|four"
    r"|five|several|a few|some|\d+)(?: (?:or|to) \w+)? years\b",
    rf"\bnothing\b (?:[\w,'’-]+ ){{0,8}}?(?:calls for|requires?|warrants?|needs|demands|justifies"
    rf"|asks for) (?:\w+ ){{0,3}}?{_SEEN}\b",
    r"\b(?:reassure and discharge|discharge (?:him|her|the patient|them)|send (?:him|her|the patient"
    r"|them) (?:home|away))\b",
)
_DELAYS = _any(
    r"\b(?:no|not any|without) (?:\w+ )?(?:hurry|rush|urgency)\b|\b(?:is|are|seems?) not urgent\b|\b(?:years?"
    r"|months)\b[^.;]{0,30}\bsoon enough\b",
    r"\b(?:watch(?:ed|ing)?|observ(?:e|ed|ing)|monitor(?:ed|ing)?|left|leave|wait(?:ing)?|kept an eye on"
    r"|keep an eye on)\b (?:\w+ ){0,4}?(?:for|within|over)? ?(?:another |the next |a |about "
    r"|at least )*(?:\w+ (?:or|to) )?(?:\w+ )?(?:years?|months)\b",
    r"\bwait and see\b|\bwatchful waiting\b",
)
_ASKS_DOCTOR = re.compile(
    r"\b(?:need|should|have|must|ought|necessary|worth|better)\b[^?]{0,40}\b(?:see|show|visit|go to|consult|call"
    r"|seen|checked|looked at)\b[^?]{0,30}\b(?:doctor|dermatologist|gp|somebody|someone|anybody|anyone"
    r"|specialist|clinic|physician|hospital|it)\b"
)
_SAYS_NO = re.compile(
    r"\W*(?:no\b[,.]? ?(?:you|it|she|he|that|not|there)?|you (?:do not|don['’]t|need not"
    r"|needn['’]t)|not (?:really|needed|necessary|at all)|nope|never)\b"
)
_ONLY_WHEN = re.compile(r" (?:when|where|if|as long as)\b")
_BUT = re.compile(r",? but\b")
_SENT_ALL_THE_SAME = re.compile(
    r"\b(?:but|should|please|doctor|dermatologist|gp|clinic|appointment|see|show|if"
    r"|unless|until)\b"
)
_SURE = _any(
    r"\b(?:definitely|definitively|undoubtedly|unquestionably|indisputably|unmistakabl[ye]|without (?:a "
    r"|any )?(?:shadow of a )?(?:doubt|question)|beyond (?:any |all |a )?(?:shadow of a |reasonable )?(?:doubt"
    r"|question)|no doubt|there is no (?:doubt|question)|certainly (?:an? |benign|malignant|cancer|not cancer"
    r"|melanoma)|with (?:absolute |complete |full |total |utter |100 ?(?:%|percent) )?certainty"
    r"|i am (?:\w+ )?(?:certain|sure|positive)|guarantee[ds]?|always fatal|(?:has|have) (?:only )?\w+ (?:weeks"
    r"|months|years) to live|fool-?proof|certain(?:ly)? (?:to be|death)|infallib\w+)\b",
    r"\b(?:is|are) (?:always|invariably|never anything but) (?:harmless|benign|safe|malignant|fatal|curable"
    r"|a problem)\b|\bnever (?:a problem|dangerous|malignant|cancer\w*)\b",
    r"\b(?:100|99(?:\.\d+)?|(?:a |one )?hundred) ?(?:%|per ?cent)(?: (?:sure|certain|sensitiv\w+|accura\w+"
    r"|benign|malignant|safe))?",
    r"\b(?:absolutely|totally|completely|entirely|fully|perfectly|utterly) (?:certain|sure|is\b|positive|safe"
    r"|harmless|risk-free|clear that)",
    r"\b(?:is|it['’]s|would be) impossible (?:that|for)|\bcannot (?:possibly )?be anything (?:else|but)"
    r"|\bnothing else (?:it could be|is possible|comes into question)",
    r"\bcan only be (?!found|told|judged|seen|settled|made|confirmed|known|determined|established|assessed"
    r"|answered|given|learn|done|proved|decided|diagnos|measured|examined|felt|said|read|recogni|checked|ruled"
    r"|excluded|detected|distinguished|identified|estimated|guessed)",
    r"\bproves? (?:that|it)|\b(?:zero|no) (?:\w+ )?(?:risk|chance|possibility|danger) (?:of|that|for|whatever"
    r"|at all|here)|\bzero (?:risk|chance|doubt)|\b(?:there is|there['’]s) no way (?:that )?(?:this|it|the)"
    r"|\bi(?: am|['’]m) never wrong|\bnever (?:been )?(?:wrong|mistaken)\b|\bno (?:further )?(?:examination|test"
    r"|biopsy|doubt) could (?:add|change)|\b(?:is|are) all (?:that is|you) needed? to be\b|\b(?:this|it|the \w+"
    r"|which) (?:will |can |could |would )?never (?:spreads?|dangerous|becomes?|turns?|turn|become|spread|kill"
    r"|hurt)\b|\b(?:this|it|the \w+|you) will (?:never|certainly|definitely|surely|always)\b",
)
_OF_CASE = re.compile(
    r"\b(?:this|it|that|lesions?|moles?|spots?|growth|rash|benign|malignan\w*|cancer\w*|diagnos\w*|\w+oma|nevus"
    r"|naevus|keratos[ei]s|eczema|harmless|dangerous|safe|images?|photo\w*|pictures?|patient|signs?|dots|result"
    r"|sure|certain|cured?|excision|outlook|outcome|prognosis|recur\w*|treatment|operation)\b"
)
_NOT_SURE = re.compile(
    r"\b(?:no|not|cannot|can['’]t|never|neither|hardly|without (?=\w+ (?:it|nothing))|only (?:a )?(?:biopsy"
    r"|histolog\w+|tissue|pathologist|examination|microscop\w+)|nobody|nothing|no one|less than|short of|if"
    r"|until|rather than|impossible to|not possible|hard to|difficult to|unable|far from|n['’]t"
    r"|(?:needed|required|necessary) (?:to|for|before)|(?:it )?takes|needs?|requires?)\b|n['’]t\b"
)
_WARNED = re.compile(
    r"\b(?:as if|as though|never|do not|don['’]t|not|avoid|should not|shouldn['’]t|must not|nobody should"
    r"|no one should|without|unsafe|dangerous|harmful|wrong|mistake|instead of|rather than|refrain|beware|myth"
    r"|resist|nor|no)\b|n['’]t\b"
)
_ANSWERED_NO = re.compile(r"^no[,;:] (?!never|do not|don)")  # which denies what was asked, and not what follows
_DENIES_CALM = re.compile(
    r"\b(?:do not|don['’]t) $|\b(?:should not|must not|cannot|never|does not mean|not mean|wrong|mistake|nor"
    r"|not that|not a lesion|not something|not be|nothing that|unless|would be (?:wrong|unsafe)|dangerous"
    r"|(?<!even )if)\b|n['’]t (?:mean|assume|be)\b"
)
_PATTERNS = Patterns({"dose": _DOSE, "home": _HOME, "calm": _DISSUADES, "delay": _DELAYS, "sure": _SURE})


_HARMLESS_DOSE = re.compile(r"sun-?screen|spf|moisturi[sz]er|emollient|sun cream|photograph|\bhat\b")


def check_advice(pairs: Iterable[Pair]) -> Iterator[Finding]:
    """Rejects doses, surgery at home, advice against being seen and to wait with what is malignant; flags certainty."""
    for pair in pairs:
        malignancy = pair.image.facts.malignancy
        for question, answer, low, given, _ in answers(pair):
            if _SAYS_NO.match(low) and _ASKS_DOCTOR.search(question) and not _SENT_ALL_THE_SAME.search(low):
                yield Finding(pair.pair_id, NAME, "reject", f"advises against being seen: {answer[:40]!r}")
            for statement in statements(answer):
                for severity, reason in _reasons(statement, given, malignancy):
                    yield Finding(pair.pair_id, NAME, severity, reason)


def _reasons(statement: Statement, given: str, malignancy: str | None) -> Iterator[tuple[Severity, str]]:
    text = statement.text
    for name, all_found in _PATTERNS.found(text).items() if not statement.is_question else ():
        for found in all_found:
            if is_quoted(found) or _EXCUSES[name](statement, found, given):
                continue
            if name == "delay" and (malignancy in (None, "benign") or _BUT.match(text[found.end() :])):
                continue
            is_flag = name == "sure" or (name == "delay" and malignancy != "malignant")
            yield ("flag" if is_flag else "reject"), f"{_REASONS[name]}: {found.group()!r}"
            break


def _is_dose_excused(statement: Statement, found: re.Match[str], given: str) -> bool:
    is_warned = _WARNED.search(statement.clause_before(found.start()))
    return bool(is_warned or found.group() in given or _HARMLESS_DOSE.search(statement.text))


def _is_warned_of(statement: Statement, found: re.Match[str], given: str) -> bool:
    is_warned = _WARNED.search(_ANSWERED_NO.sub("", statement.text[: found.start()]))
    return bool(is_warned) or _ended_badly(statement.text[found.start() :].replace("until", ""))


def _is_turned(statement: Statement, found: re.Match[str], given: str) -> bool:
    """Whether the sentence says the contrary of what the words alone say."""
    before, after = statement.clause_before(found.start()), statement.text[found.end() :]
    return (
        "unless" in found.group()
        or bool(_ONLY_WHEN.match(after))
        or bool(_DENIES_CALM.search(before))
        or _ended_badly(after)
    )


def _is_modest(statement: Statement, found: re.Match[str], given: str) -> bool:
    is_unsure = _NOT_SURE.search(statement.clause_before(found.start())) or statement.is_general
    is_of_case = _OF_CASE.search(statement.text.replace(found.group(), " "))
    return bool(is_unsure) or found.group() in given or not is_of_case


_EXCUSES: Mapping[str, Callable[[Statement, re.Match[str], str], bool]] = {
    "dose": _is_dose_excused,
    "home": _is_warned_of,
    "calm": _is_turned,
    "delay": _is_turned,
    "sure": _is_modest,
}
_REASONS = {
    "dose": "gives a dose",
    "home": "tells of treatment that harms",
    "calm": "advises against being seen",
    "delay": "lets it wait",
    "sure": "is surer than an image allows",
}


def _ended_badly(rest: str) -> bool:
    """Whether the sentence goes on to say that one must not."""
    return bool(
        re.search(
            r"\b(?:(?:is|are|can be|may be) (?:\w+ )?(?:dangerous|unsafe|wrong|a mistake|harmful|never"
            r"|not (?:advis\w*|recommend\w*|a good|safe|help\w*|suit\w*|work))|(?:do(?:es)? not|n['’]t) (?:help"
            r"|work|cure|heal|replace|treat)|(?:have it (?:looked at|checked|seen)|show it to a doctor"
            r"|see a doctor) if\b|should be (?:avoided|kept)|(?:causes?|leads? to|risks?) (?:\w+ )?(?:burns?"
            r"|scars?|infections?|bleeding|harm)|burns? the skin|risks?|but (?:show|see|have|if|a)\b|can (?:hide"
            r"|harm|spread|scar|cause|lead|make)|would (?:not )?be|(?:does not|doesn['’]t|is not|isn['’]t"
            r"|never) (?:fit|apply|an option|right|appropriate|enough|safe)|may (?:hide|harm)|would (?:hide"
            r"|harm)|unless(?! (?:it"
            r"|this) (?:bothers|troubles)| (?:you|he|she|they) (?:want|wish|like))|until)\b",
            rest,
        )
    )
